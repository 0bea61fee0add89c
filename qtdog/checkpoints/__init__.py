"""Checkpoints on disk: one folder with its config and tensors, a set of them, its index."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
