"""The normal ventricular complex, from which others are derived."""

from training.synthesis.beats import Lobe, Morphology

NORMAL = Morphology(
    qrs=(
        Lobe(0.0, 0.4, (-0.14, 0.04, -0.15)),
        Lobe(0.14, 0.68, (0.55, 0.58, -0.22)),
        Lobe(0.34, 0.88, (0.36, 0.56, 0.58)),
        Lobe(0.66, 1.0, (-0.14, -0.16, 0.26)),
    ),
    t=(0.21, 0.2, -0.12),
)
