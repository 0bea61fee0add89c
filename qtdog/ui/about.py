"""The About tab: the checkpoints, how they came about, citation, licence, privacy, this server."""

import os
import platform
from collections.abc import Sequence
from html import escape
from importlib import metadata

import gradio as gr

from qtdog.catalogue import StoredCheckpoint
from qtdog.explorer import Explorer
from qtdog.method_names import quantizer_suffix
from qtdog.opening import Guests
from qtdog.training.provenance import processor
from qtdog.ui.figures import PAPER
from qtdog.ui.models import models_section
from qtdog.ui.sentences import plain
from qtdog.ui.theme import METHOD_STYLES

NAMES = {"erm": "Full precision", "qt-dog": "QT-DoG", "eoq": "EoQ", "freeze": "Freeze"}
PACKAGES = ("torch", "torchvision", "gradio", "safetensors", "numpy", "pillow")
CITATION = """@inproceedings{javed2025qtdog,
  title     = {{QT-DoG}: Quantization-aware Training for Domain Generalization},
  author    = {Javed, Saqib and Le, Hieu and Salzmann, Mathieu},
  booktitle = {International Conference on Machine Learning},
  year      = {2025}
}"""
LEGEND = (
    '<p class="aside-note">Accuracy: on all images of the held-out domain, right and in all. '
    "Source validation: mean over the source domains, on the pictures put aside; the checkpoint "
    "was chosen by it. On disk: the weights' file; EoQ's is the sum of its members. SHA-256: of "
    "the weights' file, first ten digits; the program checks it whenever it loads a checkpoint.</p>"
)
TRAINING = (
    "<p>Each network learned from all domains but one. From every source domain a fifth of the "
    "pictures was put aside; the training step with the best mean accuracy on these was kept. The "
    "held-out domain chose nothing. QT-DoG is trained in full precision first and with rounded "
    "weights from the quantization step on; full precision of the same seed is the same run up to "
    "there. EoQ answers with the mean of its members' logits.</p>"
    "<p>This is an independent implementation of the method of Javed, Le and Salzmann: "
    f'<a href="{PAPER}" target="_blank" rel="noopener">QT-DoG, ICML 2025 (arXiv 2410.06020)</a>. '
    "Step sizes are learned as in "
    '<a href="https://arxiv.org/abs/1902.08153" target="_blank" rel="noopener">LSQ (arXiv '
    "1902.08153)</a>; the protocol is "
    '<a href="https://arxiv.org/abs/2007.01434" target="_blank" rel="noopener">DomainBed\'s (arXiv '
    "2007.01434)</a>.</p>"
)
LICENCE = (
    "<p>Code and bundled checkpoints: Apache License 2.0. The bundled checkpoints were fine-tuned "
    "from torchvision's ImageNet weights on PACS (Li et al., ICCV 2017); no picture of PACS is "
    "part of this page. The sample pictures were made for it. Checkpoints from elsewhere have the "
    "licence of their source.</p>"
)
PRIVACY = (
    "<p>Pictures that you upload stay on this server only as long as they are needed and are "
    "deleted within two hours. They are not looked at, kept or used for training. There are no "
    "accounts and no tracking, and your browser asks no other server for anything. Answers in the "
    "quizzes never leave your browser. Whoever runs the server may log addresses, as any web "
    "server can.</p>"
)


def about_tab(
    explorer: Explorer, guests: Guests | None = None, opened: gr.State | None = None
) -> None:
    """Lay out the tab. With `guests`, a visitor can open another set of checkpoints; `opened` holds
    its key."""
    with gr.Column(elem_id="about"):
        gr.HTML("<h2>Which networks answer here</h2>", padding=False)
        models_section(explorer, guests, opened)
        gr.HTML(checkpoint_tables(explorer), padding=False)
        gr.HTML(f"<h2>How they were trained</h2>{TRAINING}", padding=False)
        gr.HTML("<h2>Citation</h2>", padding=False)
        gr.Textbox(
            CITATION,
            label="BibTeX of the paper",
            lines=6,
            interactive=False,
            buttons=["copy"],
            elem_id="citation",
        )
        gr.HTML(f"<h2>Licence</h2>{LICENCE}<h2>Privacy</h2>{PRIVACY}", padding=False)
        gr.HTML(f"<h2>This server</h2>{server()}", padding=False)


def checkpoint_tables(explorer: Explorer) -> str:
    """A table of all checkpoints for each held-out domain, the first one unfolded."""
    tables = ""
    for place, target in enumerate(explorer.targets()):
        title = f"{plain(target.domain)} held out ({target.dataset.upper()})"
        stored = explorer.checkpoints(target.key)
        tables += (
            f'<details class="set"{"" if place else " open"}><summary>{escape(title)}: '
            f"{len(stored)} checkpoints</summary>{checkpoint_table(title, stored)}</details>"
        )
    return tables + LEGEND


def checkpoint_table(title: str, stored: Sequence[StoredCheckpoint]) -> str:
    """One row a checkpoint, from its config alone."""
    sizes = {one.name: sum(file.size_bytes for file in one.config.files) for one in stored}
    head = "".join(
        f'<th scope="col">{words}</th>'
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
    rows = "".join(_row(one, sizes) for one in stored)
    return (
        '<div class="scroll wide" tabindex="0" role="region" '
        f'aria-label="Checkpoints, {escape(title)}"><table class="numbers checkpoints">'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(stored: StoredCheckpoint, sizes: dict[str, int]) -> str:
    config, training = stored.config, stored.config.training
    source = [one.fraction for one in config.source_validation]
    style = METHOD_STYLES.get(config.method, METHOD_STYLES["other"])
    marker = f'<span style="color: var(--{config.method})" aria-hidden="true">{style.marker}</span>'
    method = NAMES.get(config.method, config.method)
    method += quantizer_suffix(config.method, config.quantizer)
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
        f"{marker} {escape(method)}",
        str(training.seed) if training else "",
        str(config.bits),
        f"{config.target.fraction * 100:.1f} %<small>{config.target.correct:,} of "
        f"{config.target.total:,}</small>",
        f"{sum(source) / len(source) * 100:.1f} %" if source else "",
        f"{size / 1e6:.2f} MB",
        f"<code>{escape(sha256)}</code>" if sha256 else "",
        f"<code>{escape(training.commit[:10])}</code>" if training else "",
    )
    listed = "".join(f"<td>{cell}</td>" for cell in cells)
    details = [how]
    if training:
        details.append(
            f"{config.architecture}, {config.image_size} px; step {training.chosen_step:,} of "
            f"{training.steps:,}; {training.seconds / 60:.0f} minutes on {training.hardware}; "
            f"{training.versions}"
        )
    shown = "".join(f"<p>{escape(detail)}</p>" for detail in details if detail)
    return (
        f'<tr><th scope="row">{escape(stored.name)}</th>{listed}'
        f"<td><details><summary>show</summary>{shown}</details></td></tr>"
    )


def server() -> str:
    """Processor and versions of the machine that answers."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    rows = (
        ("processor", processor()),
        ("cores", str(os.cpu_count())),
        ("system", platform.system()),
        ("Python", platform.python_version()),
        ("packages", versions),
    )
    facts = "".join(f"<dt>{term}</dt><dd>{escape(value)}</dd>" for term, value in rows)
    return f'<dl class="server">{facts}</dl>'
