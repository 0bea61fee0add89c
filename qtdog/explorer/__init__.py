"""The service behind both pages: one picture, or many, through all models of a held-out domain."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
