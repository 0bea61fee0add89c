"""`python -m qtdog data ...`: getting datasets, and checking them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qtdog.cli.words import folder_to_write

if TYPE_CHECKING:
    from rich.table import Table

    from qtdog.data import Findings

data_app = typer.Typer(help="Datasets for training.", no_args_is_help=True)

FETCH_EXAMPLES = """
Examples:

  python -m qtdog data fetch hub:flwrlabs/pacs --out PACS

  python -m qtdog data fetch hub:flwrlabs/office-home --out OfficeHome

  python -m qtdog data fetch hub:wltjr1007/DomainNet --out DomainNet

For VLCS and TerraIncognita give a repository of your choice. Parquet files need pyarrow.
Stop it whenever you like: the same command goes on.
"""


@data_app.command("fetch", epilog=FETCH_EXAMPLES)
def fetch_dataset(
    dataset: Annotated[str, typer.Argument(help="hub:ORG/NAME, or hub:ORG/NAME@REVISION.")],
    out: Annotated[
        Path, typer.Option(help="Folder for domain/class/picture.", callback=folder_to_write)
    ],
    image_column: Annotated[str | None, typer.Option(help="Column with the picture.")] = None,
    domain_column: Annotated[str | None, typer.Option(help="Column with the domain.")] = None,
    class_column: Annotated[str | None, typer.Option(help="Column with the class.")] = None,
) -> None:
    """Download a dataset of several domains from the Hugging Face Hub, as folders for training."""
    from tqdm import tqdm

    from qtdog.data import Columns
    from qtdog.hub import HubDataset, download_dataset

    with tqdm(unit_scale=True) as bar:

        def show(done: int, total: int, what: str) -> None:
            if what != bar.desc.removesuffix(": "):
                bar.set_description(what, refresh=False)
                bar.reset(total or None)
            bar.update(done - bar.n)

        columns = Columns(image_column, domain_column, class_column)
        try:
            source = download_dataset(HubDataset.from_address(dataset), out, columns, show)
        except KeyboardInterrupt:
            typer.echo("Stopped. The same command goes on.", err=True)
            raise typer.Exit(130) from None
    typer.echo(
        f"{out}: {source.images:,} pictures of {len(source.classes)} classes in the domains "
        f"{', '.join(source.domains)}; {source.repository} at {source.commit[:10]}, licence: "
        f"{source.licence or 'not stated'}; {source.skipped} skipped"
    )


@data_app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="A folder domain/class/image.")],
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="PACS, VLCS, OfficeHome, TerraIncognita, DomainNet or WILDS-Camelyon17; by "
            "default the one that the folder is called after or looks like."
        ),
    ] = None,
    decode: Annotated[
        bool, typer.Option(help="Decode every image, or only compare names and counts.")
    ] = True,
) -> None:
    """Tell whether a folder is the benchmark that it claims to be; exit code 1 if it is not.

    Compared are domains, classes and counts with the published ones, the layout and the spelling.
    """
    from rich.console import Console

    from qtdog.data import benchmark_named, check_folder

    try:
        findings = check_folder(folder, benchmark_named(benchmark) if benchmark else None, decode)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    Console().print(_counts_table(findings))
    for sentence in findings.differences:
        typer.echo(f"- {sentence}")
    name = findings.benchmark.name if findings.benchmark else "No benchmark known here"
    verdict = "no difference" if findings.benchmark else "its layout is sound"
    if findings.differences:
        count = len(findings.differences)
        verdict = "1 difference" if count == 1 else f"{count} differences"
    typer.echo(f"{name}: {verdict}" + (", every image decoded." if decode else "."))
    if findings.differences:
        raise typer.Exit(1)


@data_app.command()
def camelyon17(
    wilds: Annotated[Path, typer.Argument(help="WILDS' data folder, or camelyon17_v1.0 in it.")],
    out: Annotated[
        Path, typer.Option(help="Folder for domain/class/patch.", callback=folder_to_write)
    ] = Path("camelyon17"),
    download: Annotated[
        bool, typer.Option("--download", help="First have the wilds package download it.")
    ] = False,
) -> None:
    """Lay WILDS' Camelyon17 out for training: a domain each hospital, classes normal and tumor.

    The patches are linked, not copied.
    """
    from qtdog.data import camelyon

    try:
        if download:
            camelyon.download(wilds)
        count = camelyon.lay_out(wilds, out)
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on.", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"{out}: {count:,} patches")


def _counts_table(findings: "Findings") -> "Table":
    """Domains with their images as published and as found."""
    from rich.table import Table

    benchmark = findings.benchmark
    title = f"{findings.root}: {len(findings.classes)} classes"
    if benchmark:
        title += f", published {benchmark.class_count}"
    table = Table(title=title, title_justify="left")
    table.add_column("domain")
    for name in ("published", "readable", "unreadable"):
        table.add_column(name, justify="right")

    def row(name: str, published: int | None, readable: int, unreadable: int) -> None:
        stated = "–" if published is None else f"{published:,}"
        table.add_row(name, stated, f"{readable:,}", f"{unreadable:,}")

    for count in findings.counts:
        row(count.domain, count.published, count.readable, count.unreadable)
    table.add_section()
    unreadable = sum(count.unreadable for count in findings.counts)
    row("all", benchmark.images if benchmark else None, findings.images, unreadable)
    return table
