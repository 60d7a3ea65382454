"""The domain of ECG-R1 Review: recordings, measurements, findings and readings; no web page, no database."""

__version__ = "0.1.0"

DISCLAIMER = "Research use. Not a diagnosis."
