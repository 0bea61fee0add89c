"""The tab "Train it" in torch: two moons, tiny networks, and what quantized training does."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
