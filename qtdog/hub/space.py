"""The page as a Hugging Face Space: which files it takes, and the front matter of its README."""

from pathlib import Path

from huggingface_hub import SpaceCard

from qtdog.checkpoints import Index
from qtdog.hub.publishing import README, PublishError, UploadFile

# Of the repository; whatever else lies there (tests, runs, environments) stays out.
FOLDERS = ("qtdog", "assets", "checkpoints")
FILES = ("app.py", "requirements.txt", "LICENSE")
# Visitors must not make a public Space download what they name.
VARIABLES = (("QTDOG_ALLOW_REMOTE", "0"),)

STATIC_README = """---
title: QT-DoG Explorer in the browser
emoji: 🧭
colorFrom: blue
colorTo: green
sdk: static
app_file: index.html
short_description: Full precision, QT-DoG and EoQ live in your browser
license: apache-2.0
custom_headers:
  cross-origin-embedder-policy: require-corp
  cross-origin-opener-policy: same-origin
  cross-origin-resource-policy: cross-origin
---

Networks that meet a domain they have never seen, computed in your browser: no picture leaves it.
"""


def space_files(
    root: Path, repo_id: str = "", commit: str = "", index: Index | None = None
) -> tuple[UploadFile, ...]:
    """The files of a Space made from the repository's folder `root`.

    With `repo_id`, `commit` and `index` of a published checkpoint set, the front matter names it,
    and the Hub puts its files into the Space's image, so that it starts without a download. The
    bundled checkpoints go along in any case: what the page falls back to. Raises PublishError.
    """
    missing = [name for name in (*FILES, *FOLDERS, README) if not (root / name).exists()]
    if missing:
        raise PublishError(f"{root} is not the program's folder: {missing[0]} is missing.")
    paths = [root / name for name in FILES]
    for folder in FOLDERS:
        paths += sorted(path for path in (root / folder).rglob("*") if _belongs(path, root))
    files = [UploadFile(path.relative_to(root).as_posix(), path) for path in paths]
    card = space_card((root / README).read_text(encoding="utf-8"), repo_id, commit, index)
    return (UploadFile(README, str(card).encode()), *files)


def static_space_files(folder: Path) -> tuple[UploadFile, ...]:
    """The files of a static Space: those of `folder`, written by `qtdog.browser.write_explorer`,
    and a README whose front matter says so. With the headers in it, browsers give the networks
    several threads. Raises PublishError."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if folder / "index.html" not in paths:
        raise PublishError(f"{folder} holds no page: write it with 'qtdog export-site'.")
    files = [UploadFile(path.relative_to(folder).as_posix(), path) for path in paths]
    return (UploadFile(README, STATIC_README.encode()), *files)


def space_card(
    readme: str, repo_id: str = "", commit: str = "", index: Index | None = None
) -> SpaceCard:
    """The README with the front matter that a Space needs. Raises PublishError."""
    card = SpaceCard(readme)
    for field in ("sdk", "sdk_version", "python_version", "app_file"):
        if not card.data.get(field):
            raise PublishError(f"The front matter of {README} lacks '{field}'.")
    if repo_id and index:
        paths = ["index.json"]
        paths += [f"{one.path}/{file.path}" for one in index.checkpoints for file in one.files]
        card.data["models"] = [repo_id]
        card.data["preload_from_hub"] = [f"{repo_id} {','.join(paths)} {commit}"]
    return card


def _belongs(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return path.is_file() and "__pycache__" not in parts and not any(p[0] == "." for p in parts)
