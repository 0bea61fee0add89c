"""Which files and folders operating systems and programs add beside pictures.

One rule for what a visitor hands in and for what training reads: such files are no pictures and
are counted nowhere.
"""

from collections.abc import Sequence

# Hidden ones, whose names begin with a dot, need no list: .DS_Store, ._x, .gitkeep, .thumbnails.
_FOLDERS = frozenset(
    {
        "__macosx",
        "temporary items",
        "network trash folder",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "found.000",
        "lost+found",
        "@eadir",  # Synology: thumbnails named like pictures
        "@tmp",
        "#recycle",
        "#snapshot",
        "@recycle",  # QNAP
        "@recently-snapshot",
        "__pycache__",
    }
)
_FILES = frozenset(
    {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "icon\uf00d"}
)


def is_system_folder(name: str) -> bool:
    """Whether a folder of that name holds no pictures of a user's."""
    return _is_hidden(name) or name.lower() in _FOLDERS


def is_system_file(name: str) -> bool:
    """Whether a file of that name (without folders) is none of a user's."""
    return _is_hidden(name) or name.lower() in _FILES


def is_systems(parts: Sequence[str]) -> bool:
    """Whether a file with the path `parts`, its own name last, is none of a user's."""
    *folders, name = parts
    return is_system_file(name) or any(map(is_system_folder, folders))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name not in (".", "..")
