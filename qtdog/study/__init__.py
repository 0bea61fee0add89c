"""What the runs of the sweep amount to: rows of measured.csv, EoQ's members, REPORT.md."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
