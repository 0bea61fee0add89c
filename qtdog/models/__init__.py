"""Classification networks by name, their layers and start weights, and how an image enters."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
