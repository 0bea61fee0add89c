from .reading import FORMATS as FORMATS
from .reading import MAX_BYTES as MAX_BYTES
from .reading import MAX_SIDE as MAX_SIDE
from .reading import ImageError as ImageError
from .reading import missing as missing
from .reading import read_image as read_image
