"""How the loss changes around a network: local flatness, slices of the landscape, curvature."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
