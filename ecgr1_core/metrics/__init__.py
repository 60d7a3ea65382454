"""How far two readings of one ECG say the same: consistency in numbers, differences sentence by sentence."""
