"""Training of the network that says where cardiologists mark the limits of waves (`ecgr1_core.measure.wave_net`)."""
