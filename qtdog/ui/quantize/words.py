"""The Quantize tab's names and words: pure functions, records in, text out."""

from qtdog.explorer import Layer, Reference
from qtdog.ui.markup import Markup, html
from qtdog.ui.sentences import dataset_name, megabytes, plain

METHOD_WORDS = {
    "erm": "full precision",
    "post-training": "rounded after training",
    "qt-dog": "QT-DoG, trained rounded",
}
LEVELS = {True: "such step sizes", False: "powers of two"}
WHICH_WIDTH = html(
    '<p class="go-there"><button type="button" data-at="results" data-shows="#results-domain">'
    "Which width to take?</button></p>"
)
WAITING = html('<p class="summary" role="status">Rounding the network …</p>')


def waiting(done: int, total: int) -> Markup:
    """How far the table is."""
    return html('<p class="summary">Rounding the network: {} of {} done …</p>', done, total)


def reference_name(reference: Reference) -> str:
    """ "sketch held out, seed 0, averaged"."""
    config = reference.config
    where = dataset_name(config.dataset)
    parts = [f"{plain(config.target_domain)} held out ({where})"]
    parts += [f"seed {config.training.seed}"] if config.training else []
    parts += [*config.added_methods, *(["averaged weights"] if config.averaged else [])]
    return ", ".join(parts)


def layer_name(place: int, layer: Layer) -> str:
    """ "12 · depthwise 3×3 conv · 144×1×3×3 (1,296 weights)"."""
    kind = layer.kind.replace("convolution", "conv")
    left_out = ", never quantized" if layer.left_out else ""
    return f"{place} · {kind} · {shape(layer)} ({layer.weights:,} weights{left_out})"


def shape(layer: Layer) -> str:
    """ "144×1×3×3"."""
    return "×".join(map(str, layer.shape))


def size(count: int) -> str:
    """Bytes in words: "864 bytes", "12.3 kB", "2.07 MB"."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else megabytes(count)


def summary(said: str, aside: str) -> Markup:
    """What a figure shows, and more about it."""
    return html('<p class="summary" role="status">{}<span class="aside">{}</span></p>', said, aside)
