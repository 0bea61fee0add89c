from .members import choose_members as choose_members
from .memory import memory_csv as memory_csv
from .memory import memory_rows as memory_rows
from .report import report_text as report_text
from .rows import measured_csv as measured_csv
from .rows import measured_rows as measured_rows
from .shipping import ship as ship
