"""Training under the DomainBed protocol: the one loop, resumable runs, the sweep."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
