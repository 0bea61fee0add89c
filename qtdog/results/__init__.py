"""The paper's numbers and those measured here: read, checked, compared, as tables.

`load_results` reads them, `pivot` makes a table of what is chosen, `load_run` reads a run's log.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
