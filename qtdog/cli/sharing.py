"""`python -m qtdog fetch`, `publish`, `export` and `export-site`: to and from other places."""

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qtdog.cli.words import file_to_write, folder_to_read, folder_to_write
from qtdog.places import CHECKPOINTS, INSTALLED, PROGRAM


def fetch(
    source: Annotated[str, typer.Argument(help="ORG/REPO or ORG/REPO@REVISION on the Hub.")],
    target: Annotated[
        list[str] | None, typer.Option(help="Only this held-out domain; may be repeated.")
    ] = None,
) -> None:
    """Download a published checkpoint set into the Hub client's cache, for use without a network.

    The same address then starts the page or `qtdog.load` from there.
    """
    from qtdog.hub import fetch
    from qtdog.hub_client import download_bar

    origin, folder = fetch(source, target or [], download_bar())
    typer.echo(f"{origin.name}, revision {origin.revision}, commit {origin.commit}: {folder}")


def publish(
    repo_id: Annotated[
        str | None, typer.Option(help="Model repository ORG/NAME for the checkpoints.")
    ] = None,
    space: Annotated[str | None, typer.Option(help="Space ORG/NAME for the page.")] = None,
    static_space: Annotated[
        str | None,
        typer.Option(help="Static Space ORG/NAME for the explorer that runs in the browser."),
    ] = None,
    checkpoints: Annotated[
        Path, typer.Option(help="The set: a folder dataset/target/checkpoint.")
    ] = Path("checkpoints"),
    licence: Annotated[
        str, typer.Option("--license", help="The checkpoints' licence, as the Hub spells it.")
    ] = "apache-2.0",
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = (
        False
    ),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and list the files, send nothing.")
    ] = False,
) -> None:
    """Publish a checkpoint set on the Hugging Face Hub, the page as a Space, or several of these.

    Each is one commit. With a set, the Space shows the published set, and it links to the static
    one of the same set. It takes a token that may write: run `hf auth login`, or set HF_TOKEN.
    """
    from qtdog.checkpoints import make_index
    from qtdog.hub import VARIABLES, publishing, space_files
    from qtdog.inference import provide_graphs

    if not (repo_id or space or static_space):
        raise ValueError(
            "Nothing to publish: give --repo-id ORG/NAME, --space ORG/NAME, --static-space "
            "ORG/NAME, or several."
        )
    if space and INSTALLED:
        raise ValueError(
            "--space sends the program's own folder, which an installed package lacks: run this "
            "command in a clone of the program."
        )
    index, commit, variables = None, "(the commit)", VARIABLES
    if repo_id:
        root = folder_to_read(checkpoints, "--checkpoints")
        provide_graphs(root)
        index = make_index(root)
        files = publishing.set_files(checkpoints, repo_id, licence)
        destination = publishing.Destination(repo_id, private=private)
        commit = _publish(destination, files, dry_run) or commit
        variables = (*variables, ("QTDOG_CHECKPOINTS", f"{repo_id}@{commit}"))
    if static_space:  # before the Space: nothing links to what is not there
        _publish_static(static_space, checkpoints, private, dry_run)
        if repo_id or checkpoints.resolve() == CHECKPOINTS:
            variables = (*variables, ("QTDOG_STATIC_SPACE", static_space))
    if space:
        files = space_files(PROGRAM, repo_id or "", commit, index)
        _publish(publishing.Destination(space, "space", private, variables), files, dry_run)


def _publish_static(repo_id: str, checkpoints: Path, private: bool, dry_run: bool) -> None:
    """The set's explorer, exported and uploaded as a static Space."""
    from qtdog.browser import write_explorer
    from qtdog.explorer import Explorer
    from qtdog.hub import publishing, static_space_files

    with tempfile.TemporaryDirectory() as folder:
        write_explorer(Path(folder), Explorer(folder_to_read(checkpoints, "--checkpoints")))
        destination = publishing.Destination(repo_id, "space", private, space_sdk="static")
        _publish(destination, static_space_files(Path(folder)), dry_run)


def _publish(destination: Any, files: Any, dry_run: bool) -> str:
    """List or upload `files`; returns the commit, or nothing."""
    from tqdm import tqdm

    from qtdog.hub import upload

    total = sum(file.size_bytes for file in files)
    if dry_run:
        for file in files:
            typer.echo(f"{file.size_bytes:>12,} B  {file.path}")
        size = f"{len(files)} files, {total / 1e6:.2f} MB"
        typer.echo(f"{destination.repo_id} ({destination.repo_type}): {size}; nothing was sent.")
        return ""
    with tqdm(total=total, desc=destination.repo_id, unit="B", unit_scale=True) as bar:

        def show(done: int, _total: int) -> None:
            bar.update(done - bar.n)

        commit = upload(files, destination, f"Publish {len(files)} files with qtdog", show)
        bar.update(total - bar.n)
    typer.echo(f"{destination.repo_id}: {len(files)} files, commit {commit}")
    return commit


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint's folder.")],
    out: Annotated[Path, typer.Option(help="The file to write.", callback=file_to_write)],
    file_format: Annotated[
        Literal["torchvision", "onnx", "numpy"],
        typer.Option("--format", help="State dict (safetensors), graph, or int8 codes (.npz)."),
    ] = "torchvision",
) -> None:
    """Write a checkpoint for other programs, checked on the sample pictures."""
    from qtdog.hub import export as export_checkpoint

    written = export_checkpoint(checkpoint, file_format, out)
    typer.echo(
        f"{written.path}: {written.size_bytes / 1e6:.2f} MB; the same class on all "
        f"{written.pictures} sample pictures, logits within {written.largest_difference:.0e}"
    )


def export_site(
    out: Annotated[Path, typer.Argument(help="Folder to write.", callback=folder_to_write)],
    chosen: Annotated[
        str, typer.Option("--set", help="The set: a folder, or ORG/REPO[@REVISION] on the Hub.")
    ] = "checkpoints",
    results_only: Annotated[
        bool, typer.Option("--results-only", help="One HTML page of results, without networks.")
    ] = False,
) -> None:
    """Write the explorer as a folder for any web server: its networks answer in the browser."""
    from qtdog.browser import write_explorer, write_site

    if results_only:
        path = write_site(out)
        typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB, open it in a browser")
        return
    from qtdog.explorer import open_explorer
    from qtdog.hub_client import download_bar

    written = write_explorer(out, open_explorer(chosen, CHECKPOINTS, download_bar()))
    typer.echo(
        f"{written.page}: {written.bytes_of_page / 1e6:.1f} MB, and "
        f"{written.bytes_of_checkpoints / 1e6:.1f} MB of checkpoints. To see it: "
        f"python -m http.server --directory {out}"
    )
