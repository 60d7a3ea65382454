"""The results of a study against other programs: pingouin, krippendorff and statsmodels on the exported ratings.

    .venv/bin/python benchmarks/study_pages.py --raters 4 --cases 100 --export EXPORT
    python benchmarks/study_peers.py EXPORT

Runs in an environment of its own with pandas, statsmodels, pingouin and krippendorff (pingouin is under the GPL and so
is no part of this project), and reads nothing but the exported files. Exit code 1 where a value differs by more than
1e-6 (mixed model: 0.005 of a scale of five, as it is fitted in another order; bounds by pingouin: it rounds to 0.01).
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pandas as pd
import pingouin
import statsmodels.formula.api as smf
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa


def mixed(ratings: pd.DataFrame, criterion: str, first: str, second: str) -> dict[str, float]:
    """Return the difference of two arms by statsmodels' formula, with all arms in the model."""
    data = ratings.assign(
        y=ratings[criterion], both=ratings["case"] + ratings["rater"], a=ratings["arm"], one=1
    )[["y", "a", "case", "rater", "both", "one"]]  # fmt: skip
    formula = f"y ~ C(a, Treatment(reference='{second}'))"
    parts = {"case": "0 + C(case)", "rater": "0 + C(rater)", "both": "0 + C(both)"}
    fit = smf.mixedlm(formula, data, groups="one", vc_formula=parts).fit(reml=True, method=["lbfgs", "powell"])
    name = f"C(a, Treatment(reference='{second}'))[T.{first}]"
    low, high = fit.conf_int().loc[name]
    return {"value": float(fit.params[name]), "low": float(low), "high": float(high)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path, help="folder that study_pages.py wrote")
    parser.add_argument("--criterion", default="reliability")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = json.loads((arguments.export / "results.json").read_text())
    ratings = pd.read_csv(arguments.export / "ratings.csv")
    ratings = ratings[~ratings["practice"] & ratings["duplicate_of"].isna()]
    table = ratings.pivot(index="output", columns="rater", values=arguments.criterion)
    whole = table.dropna()
    ours = found["agreement"][arguments.criterion]
    rows: list[dict[str, Any]] = []

    def compare(name: str, peer: str, mine: float | None, theirs: float, tolerance: float = 1e-6) -> None:
        same = mine is not None and abs(mine - theirs) <= tolerance
        rows.append({"name": name, "peer": peer, "ours": mine, "theirs": theirs, "same": same})

    values = [1, 2, 3, 4, 5]
    alpha = krippendorff.alpha(table.T.to_numpy(), value_domain=values, level_of_measurement="ordinal")
    compare("Krippendorff's alpha, ordinal", "krippendorff", ours["krippendorff_alpha"]["value"], float(alpha))
    long = whole.reset_index().melt(id_vars="output", var_name="rater", value_name="score")
    icc = pingouin.intraclass_corr(long, targets="output", raters="rater", ratings="score").set_index("Type")
    for kind, key in (("ICC(A,1)", "icc_2_1"), ("ICC(C,1)", "icc_3_1")):
        row = icc.loc[kind]
        compare(kind, "pingouin", ours[key]["value"], float(row["ICC"]))
        for side, bound in zip(("low", "high"), row["CI95"] if "CI95" in row else row["CI95%"], strict=True):
            compare(f"{kind}, {side}", "pingouin", ours[key][side], float(bound), 6e-3)  # it rounds to two decimals
    if len(whole) == len(table):  # statsmodels knows no missing ratings
        counts, _ = aggregate_raters(whole.to_numpy().astype(int))
        compare("Fleiss' kappa", "statsmodels", ours["fleiss_kappa"]["value"], float(fleiss_kappa(counts)))
    means = ratings.groupby("arm")[arguments.criterion].mean()
    for pair in found["differences"][arguments.criterion]:
        name = f"{pair['first']} - {pair['second']}"
        estimate = next(one for one in pair["estimates"] if one["method"].startswith("mixed"))
        theirs = mixed(ratings, arguments.criterion, pair["first"], pair["second"])
        for part, value in theirs.items():
            compare(f"{name}, mixed model, {part}", "statsmodels", estimate[part], value, 5e-3)
        plain = next(one for one in pair["estimates"] if "bootstrap" in one["method"])
        by_hand = float(means[pair["first"]] - means[pair["second"]])
        compare(f"{name}, means", "pandas", plain["value"], by_hand)
    for row in rows:
        print(
            f"{'same' if row['same'] else 'DIFFERS':8}{row['name']:44}{row['peer']:14}{row['ours']!s:22}{row['theirs']}"
        )
    told = {"units": int(table.shape[0]), "whole": int(whole.shape[0]), "raters": int(table.shape[1]),
            "ratings": int(np.isfinite(table.to_numpy()).sum())}  # fmt: skip
    print(json.dumps(told))
    return 0 if all(row["same"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
