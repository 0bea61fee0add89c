"""The About tab's tables: what the models can be asked, the checkpoints, this server."""

import platform
from collections.abc import Sequence
from importlib import metadata

from qtdog import cores
from qtdog.checkpoints import CHECKPOINT_NAMES, StoredCheckpoint, Target
from qtdog.explorer import Explorer
from qtdog.method_names import quantizer_suffix
from qtdog.provenance import cpu
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.markup import Markup, html, join
from qtdog.ui.sentences import dataset_name, domain_name, megabytes, plain, tenths

MOST_CLASSES = 30
PACKAGES = ("torch", "torchvision", "gradio", "safetensors", "numpy", "pillow")
LEGEND = html(
    '<p class="aside-note">Accuracy: on all images of the held-out domain, right and in all. '
    "Source validation: mean over the source domains, on the pictures put aside; the checkpoint "
    "was chosen by it. On disk: the weights' file; EoQ's is the sum of its members. SHA-256: of "
    "the weights' file, first ten digits; the program checks it whenever it loads a checkpoint.</p>"
)


def target_table(targets: Sequence[Target]) -> Markup:
    """Held-out domains and what their models learned from."""
    rows = ""
    for one in targets:
        classes = ", ".join(map(plain, one.classes[:MOST_CLASSES]))
        if len(one.classes) > MOST_CLASSES:
            classes += f" and {len(one.classes) - MOST_CLASSES:,} more"
        cells = [
            domain_name(one.key),
            ", ".join(map(plain, one.source_domains)),
            classes,
        ]
        rows += html("<tr>") + join(html("<td>{}</td>", cell) for cell in cells) + html("</tr>")
    head = html("<tr><th>held-out domain</th><th>trained on</th><th>classes</th></tr>")
    return html('<div class="wide"><table class="sets">{}{}</table></div>', head, rows)


def checkpoint_tables(explorer: Explorer) -> str:
    """A table of all checkpoints for each held-out domain, the first one unfolded."""
    tables = ""
    for place, target in enumerate(explorer.targets()):
        title = f"{plain(target.domain)} held out ({dataset_name(target.dataset)})"
        stored = explorer.checkpoints(target.key)
        tables += html(
            '<details class="set"{}><summary>{}: {} checkpoints</summary>{}</details>',
            "" if place else " open",
            title,
            len(stored),
            checkpoint_table(title, stored),
        )
    return tables + LEGEND


def checkpoint_table(title: str, stored: Sequence[StoredCheckpoint]) -> Markup:
    """One row a checkpoint, from its config alone."""
    sizes = {one.name: sum(file.size_bytes for file in one.config.files) for one in stored}
    head = join(
        html('<th scope="col">{}</th>', words)
        for words in (
            "checkpoint",
            "method",
            "seed",
            "bits",
            "held-out accuracy",
            "source validation",
            "on disk",
            "SHA-256",
            "commit",
            "how",
        )
    )
    rows = join(_row(one, sizes) for one in stored)
    return html(
        '<div class="scroll wide" tabindex="0" role="region" '
        'aria-label="Checkpoints, {}"><table class="numbers checkpoints">'
        "<thead><tr>{}</tr></thead>"
        "<tbody>{}</tbody></table></div>",
        title,
        head,
        rows,
    )


def _row(stored: StoredCheckpoint, sizes: dict[str, int]) -> Markup:
    config, training = stored.config, stored.config.training
    source = [one.fraction for one in config.source_validation]
    style = METHOD_STYLES.get(config.method, METHOD_STYLES["other"])
    marker = html(
        '<span style="color: var(--{})" aria-hidden="true">{}</span>', config.method, style.marker
    )
    method = CHECKPOINT_NAMES.get(config.method, config.method)
    method += quantizer_suffix(config.method, config.quantizer, config.refitted)
    if config.added_methods:
        method += f" with {' and '.join(config.added_methods)}"
    method += ", averaged" if config.averaged else ""
    if config.method == "eoq":
        members = [file.path.split("/")[-2] for file in config.files]
        size = sum(sizes.get(member, 0) for member in members)
        sha256, how = "", f"members: {', '.join(members)}"
    else:
        size, sha256 = sizes[stored.name], config.files[0].sha256[:10] if config.files else ""
        how = training.command if training else ""
    cells = (
        html("{} {}", marker, method),
        str(training.seed) if training else "",
        str(config.bits),
        html(
            "{}<small>{:,} of {:,}</small>",
            tenths(config.target.fraction),
            config.target.correct,
            config.target.total,
        ),
        tenths(sum(source) / len(source)) if source else "",
        megabytes(size),
        html("<code>{}</code>", sha256) if sha256 else "",
        html("<code>{}</code>", training.commit[:10]) if training else "",
    )
    listed = join(html("<td>{}</td>", cell) for cell in cells)
    details = [how]
    if training:
        details.append(
            f"{config.architecture}, {config.image_size} px; step {training.chosen_step:,} of "
            f"{training.steps:,}; {training.seconds / 60:.0f} minutes on {training.hardware}; "
            f"{training.versions}"
        )
    shown = join(html("<p>{}</p>", detail) for detail in details if detail)
    return html(
        '<tr><th scope="row">{}</th>{}<td><details><summary>show</summary>{}</details></td></tr>',
        stored.name,
        listed,
        shown,
    )


def server() -> Markup:
    """Processor and versions of the machine that answers."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    rows = (
        ("processor", cpu()),
        ("cores", str(cores.count())),
        ("system", platform.system()),
        ("Python", platform.python_version()),
        ("packages", versions),
    )
    facts = join(html("<dt>{}</dt><dd>{}</dd>", term, value) for term, value in rows)
    return html('<dl class="server">{}</dl>', facts)
