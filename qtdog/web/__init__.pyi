from pathlib import Path

FOLDER: Path
