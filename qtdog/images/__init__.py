"""Any picture that a visitor hands in: unknown bytes in, an upright RGB image or one error out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
