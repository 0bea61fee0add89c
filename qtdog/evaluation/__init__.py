"""How often networks are right and how far their probabilities can be believed, with counts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
