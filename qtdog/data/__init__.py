"""Datasets of several domains: folders of images, or the built-in rotated digits."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
