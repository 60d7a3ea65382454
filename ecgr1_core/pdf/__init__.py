"""Pages of PDF files: what lies on one of them, in mm, read by a process of its own (`page`); nothing of ECGs.

The process begins anew for every page, so that this package imports nothing that takes long: no SciPy, no OpenCV.
"""
