"""The paper's tables as plans of runs: what they are, what they cost, what came of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
