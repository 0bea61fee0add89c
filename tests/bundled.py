"""The bundled set as it is, whatever its networks are called; and where the first study lies."""

from pathlib import Path

from qtdog.checkpoints import CheckpointConfig, load_config
from qtdog.places import PROGRAM, RESULTS

BUNDLED = PROGRAM / "checkpoints"
SKETCH = BUNDLED / "pacs" / "sketch"
FULL_PRECISION = ("erm-seed0", "erm-averaged-seed0")
EOQ = next(SKETCH.glob("eoq-*")).name
ENSEMBLE: CheckpointConfig = load_config(SKETCH / EOQ)
MEMBERS = tuple(Path(file.path).parent.name for file in ENSEMBLE.files)
BITS, IMAGE_SIZE = ENSEMBLE.bits, ENSEMBLE.image_size
SHOWN = {"erm": FULL_PRECISION[ENSEMBLE.averaged], "qt-dog": MEMBERS[0], "eoq": EOQ}
"""The networks that the page shows beside each other, by method."""

FIRST_STUDY = RESULTS / "first"
"""Its records, tables, report and landscapes."""
