from .comparison import Comparison as Comparison
from .comparison import speed_table as speed_table
from .landscape import measure_landscape_speed as measure_landscape_speed
from .speed import measure_speed as measure_speed
