"""Which room of the package imports which, read from the code.

`python tests/rooms.py` prints the table that stands in docs/architecture.md; with a commit or tag,
the same of the code as it was then, its loose files as one row.
"""

import ast
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# From the street to the cellar: a room imports from those below it only. Rooms of one line know
# nothing of each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("app",),
    ("cli",),
    ("browser",),
    ("ui",),
    ("explorer", "benchmark", "study", "reproduce"),
    ("landscape",),
    ("training",),
    ("evaluation",),
    ("hub", "toy"),
    ("inference",),
    ("checkpoints",),
    ("results", "data"),
    ("models",),
    ("quantization", "images", "hub_client", "web"),
    (
        "accuracy",
        "citation",
        "claims",
        "cores",
        "csv_file",
        "fair_lock",
        "file_lock",
        "files",
        "git_lfs",
        "json_file",
        "memory",
        "method_names",
        "paired",
        "places",
        "provenance",
        "proxies",
        "reach",
        "scratch",
        "system_files",
    ),
)
SMALL = FLOORS[-1]
"""Single files that everybody may use."""


@dataclass(frozen=True)
class Import:
    """One import statement's name."""

    file: Path
    """Within the repository."""
    line: int
    module: str
    """What it is imported from, "torch.nn" or "qtdog.checkpoints"."""

    @property
    def where(self) -> str:
        """For a message: "qtdog/ui/page.py:3"."""
        return f"{self.file.as_posix()}:{self.line}"

    @property
    def importer(self) -> str:
        """The room, or "" for the package itself."""
        return room(self.file.with_suffix("").parts)

    @property
    def imported(self) -> str:
        """The room of this program that is imported from, or "" for other modules."""
        return room(self.module.split("."))


def room(parts: tuple[str, ...] | list[str]) -> str:
    """The room of a module, given by the parts of its name."""
    if parts[0] == "app":
        return "app"
    return parts[1] if parts[0] == "qtdog" and len(parts) > 1 else ""


def imports(root: Path = ROOT) -> Iterator[Import]:
    """Every import of the program, those inside functions and for type checkers alone too."""
    for path in (root / "app.py", *sorted((root / "qtdog").rglob("*.py"))):
        file = path.relative_to(root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for name in node.names:
                    yield Import(file, node.lineno, name.name)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for name in node.names:
                    room_named = node.module == "qtdog" and name.name != "__version__"
                    module = f"qtdog.{name.name}" if room_named else node.module
                    yield Import(file, node.lineno, module)


def table() -> str:
    """Rooms and what each imports from, as Markdown, from the street to the cellar."""
    used: dict[str, set[str]] = {}
    for one in imports():
        if one.imported and one.importer and one.imported != one.importer:
            used.setdefault(one.importer, set()).add(one.imported)
    order = [name for floor in FLOORS for name in floor]
    lines = ["| room | imports from |", "|---|---|"]
    for name in order:
        if name not in SMALL:
            below = sorted(used.get(name, set()) - set(SMALL), key=order.index)
            lines.append(f"| `{name}` | {', '.join(f'`{one}`' for one in below) or '-'} |")
    return "\n".join(lines)


def table_at(commit: str) -> str:
    """The table of an earlier commit, from the room that imports from most others to that which
    imports from fewest; a room is a folder of then, and what lay loose beside them is one row."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", commit, "app.py", "qtdog"], cwd=ROOT, check=True, capture_output=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        root = Path(folder)
        folders = {path.name for path in (root / "qtdog").iterdir() if path.is_dir()} | {"app", ""}
        loose = len([*(root / "qtdog").glob("[!_]*.py")])

        def row(name: str) -> str:
            return f"`{name}`" if name in folders else f"{loose} loose files"

        used: dict[str, set[str]] = {}
        for one in imports(root):
            below = used.setdefault(row(one.importer), set()) if one.importer else set()
            if one.imported and row(one.imported) != row(one.importer):
                below.add(row(one.imported))
    lines = ["| room | imports from |", "|---|---|"]
    for name, below in sorted(used.items(), key=lambda one: (-len(one[1]), one[0])):
        lines.append(f"| {name} | {', '.join(sorted(below)) or '-'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table_at(sys.argv[1]) if sys.argv[1:] else table())
