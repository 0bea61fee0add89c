from .folder import Written as Written
from .folder import write_explorer as write_explorer
from .site import write_site as write_site
