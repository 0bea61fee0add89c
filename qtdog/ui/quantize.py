"""The Quantize tab: one layer's weights on a grid, and the whole network at every width."""

import base64
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.components import Component

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.lab import Answers, Lab
from qtdog.rounding import Grid
from qtdog.ui import figures, quantize_figures
from qtdog.ui.address import Address, one_of, whole_number
from qtdog.ui.picture import picture_field, read_or_say_why
from qtdog.ui.samples import Sample, samples

# A network at a time passes through the explorer's lock, so this line does not hold up the others.
LAB_QUEUE = "lab"
ALL_CHANNELS = "all channels"
THUMBNAIL = 64  # pixels
RULES = [
    ("where QT-DoG's training starts", "start"),
    ("smallest squared error", "least error"),
    ("powers of two (INQ)", "inq"),
]
GRANULARITIES = [("one a channel", "channel"), ("one a layer", "tensor")]
HEAD = (
    '<p class="question">A quantized network stores each weight as a small whole number, its code; '
    "weight = code × step size. With b bits there are 2<sup>b</sup> codes. Here a network that was "
    "trained in full precision is rounded afterwards, to see what that does to one layer and to "
    "the answers. QT-DoG rounds <em>while</em> it trains, so its weights can adapt.</p>"
)
NOTES = (
    '<div class="foot"><p>Rounding to nearest, batch norm folded afterwards, the classifier left '
    "in 32 bits, as in our checkpoints. Nothing is trained or calibrated here. Better rounding "
    "after training exists; this shows what rounding alone does. Powers of two are the levels of "
    '<a href="https://arxiv.org/abs/1702.03044" target="_blank" rel="noopener">INQ</a>, which '
    "itself rounds the largest weights first and trains the others on: code ±j stands for ± step "
    "size × 2<sup>j - 1</sup>, code 0 for 0. Divergence: Kullback-Leibler, 32 bins, without the "
    "weights that are cut off. Sizes are those that the file would have, to the byte.</p></div>"
)


def quantize_tab(explorer: Explorer, address: Address, tab: gr.Tab, picture: Component) -> None:
    """Lay out the tab inside `tab`; `picture` is the field with the visitor's picture."""
    pictures = samples()
    lab = Lab(explorer, [read_image(sample.path) for sample in pictures])
    references = lab.references()
    gr.HTML(HEAD, padding=False)
    if not references:
        gr.HTML('<p class="summary">There is no full-precision checkpoint to round.</p>')
        return
    thumbnails = [thumbnail(sample) for sample in pictures]
    first = references[0].key

    with gr.Row(equal_height=False, elem_id="quantize-layer"):
        with gr.Column(scale=4, min_width=300):
            reference = gr.Dropdown(
                [(quantize_figures.reference_name(one), one.key) for one in references],
                value=first,
                label="Network, in full precision",
                visible=len(references) > 1,
            )
            bits = gr.Slider(2, 8, 4, step=1, label="Bits a weight", elem_id="quantize-bits")
            layer = gr.Dropdown([], label="Layer")
            channel = gr.Dropdown(
                [ALL_CHANNELS], value=ALL_CHANNELS, label="Output channel", filterable=True
            )
            granularity = gr.Radio(GRANULARITIES, value="channel", label="Step sizes")
            rule = gr.Radio(RULES, value="start", label="Levels")
        with gr.Column(scale=9, min_width=320):
            said = gr.HTML(quantize_figures.WAITING, padding=False)
            with gr.Row(elem_classes="quantize-pair"):
                weights = gr.HTML(padding=False, min_height=300)
                errors = gr.HTML(padding=False, min_height=300)
            with gr.Row(elem_classes="quantize-pair"):
                codes = gr.HTML(padding=False)
                numbers = gr.HTML(padding=False)
    gr.HTML('<h2 class="section">The whole network, at every width</h2>', padding=False)
    network = gr.HTML(quantize_figures.WAITING, elem_id="quantize-network", padding=False)
    gr.HTML(NOTES, padding=False)

    def show_layer(
        key: str, name: str | None, width: int, part: str, sizes: str, choice: str
    ) -> tuple[str, ...]:
        try:
            seen = lab.round_layer(key, name, Grid(width, sizes, choice), _place(part))
        except ValueError as error:
            return (f'<p class="notice" role="alert">{error}</p>', "", "", "", "")
        rounding = seen.rounding
        return (
            quantize_figures.layer_sentence(seen),
            quantize_figures.weights_chart(rounding),
            quantize_figures.errors_chart(rounding),
            quantize_figures.codes_chart(seen),
            quantize_figures.layer_table(seen),
        )

    def choose_reference(key: str, name: str | None) -> tuple[Any, Any]:
        try:
            known = lab.layers(key)
        except CheckpointError as error:
            gr.Warning(str(error), title="This checkpoint cannot be read")
            return gr.Dropdown([], value=None), gr.skip()
        choices = [
            (quantize_figures.layer_name(place, one), one.name)
            for place, one in enumerate(known, start=1)
        ]
        names = [one.name for one in known]
        chosen = name if name in names else names[len(names) // 2]
        return gr.Dropdown(choices, value=chosen), choose_layer(key, chosen)

    def choose_layer(key: str, name: str) -> Any:
        one = next(one for one in lab.layers(key) if one.name == name)
        numbers = [str(place) for place in range(1, one.shape[0] + 1)]
        return gr.Dropdown([ALL_CHANNELS, *numbers], value=ALL_CHANNELS)

    def show_network(key: str, sizes: str, choice: str, path: str | None) -> Iterator[str]:
        """The table grows network by network."""
        image = None
        if path is not None:
            image = read_or_say_why(path)
        answers: list[Answers] = []
        of_picture: list[Answers] = []
        try:
            contenders = lab.contenders(key, Grid(8, sizes, choice))
            for contender in contenders:
                answers.append(lab.answer_samples(contender))
                if image is not None:
                    of_picture.append(lab.answer(contender, [image]))
                yield _network(answers, of_picture, len(contenders))
        except CheckpointError as error:
            yield figures.notices([str(error)])

    def _network(answers: list[Answers], of_picture: list[Answers], total: int) -> str:
        labels = [sample.label for sample in pictures]
        table = quantize_figures.network_table(answers, pictures, thumbnails, of_picture)
        if len(answers) < total:
            return quantize_figures.waiting(len(answers), total) + table
        words = quantize_figures.network_sentence(answers, labels)
        if of_picture:
            words += quantize_figures.picture_sentence(of_picture)
        chart = quantize_figures.network_chart(answers, labels)
        return f'<div class="network"><div>{words}</div>{chart}</div>{table}'

    queue: dict[str, Any] = {
        "concurrency_id": LAB_QUEUE,
        "concurrency_limit": 1,
        "api_visibility": "private",
        "show_progress": "hidden",
        "trigger_mode": "always_last",
    }
    asked = [reference, layer, bits, channel, granularity, rule]
    shown = [said, weights, errors, codes, numbers]
    whole = [reference, granularity, rule, picture]
    # Nothing is computed before somebody opens the tab.
    opened = tab.select(choose_reference, [reference, layer], [layer, channel], **queue)
    opened.then(show_layer, asked, shown, **queue).then(show_network, whole, network, **queue)
    changed = reference.input(choose_reference, [reference, layer], [layer, channel], **queue)
    changed.then(show_layer, asked, shown, **queue).then(show_network, whole, network, **queue)
    layer.input(choose_layer, [reference, layer], channel, **queue).then(
        show_layer, asked, shown, **queue
    )
    for one in (bits, channel):
        one.input(show_layer, asked, shown, **queue)
    for one in (granularity, rule):
        one.input(show_layer, asked, shown, **queue).then(show_network, whole, network, **queue)
    address.add("bits", bits, whole_number(2, 8))
    address.add("steps", granularity, one_of([value for _, value in GRANULARITIES]))
    address.add("rule", rule, one_of([value for _, value in RULES]))

    def quantize_layer(
        checkpoint: str = first,
        layer: str = "",
        bits: int = 4,
        channel: int = 0,
        granularity: str = "channel",
        rule: str = "start",
    ) -> dict[str, Any]:
        """Round one layer of a full-precision checkpoint and look at the error.

        checkpoint: "dataset/domain/name", for example "pacs/sketch/erm-seed0". layer: the name of
        its weight ("" lists what there is instead). bits: 2 to 8. channel: an output channel from
        1, or 0 for all. granularity: "channel" or "tensor", what one step size covers. rule:
        "start" (LSQ's initial step size), "least error" or "inq" (powers of two). Returns the
        histograms of the weights (where channels have grids of their own, in step sizes or, of
        powers of two, in largest levels) and of the rounding errors (in gaps between levels), the
        errors' size relative to the weights, the grid, counts by code, the divergence from
        uniform in nats, what was clipped, and the bytes of the layer and of the network's file.
        """
        try:
            if not layer:
                return {"layers": [asdict(one) for one in lab.layers(checkpoint)]}
            place = int(channel) - 1 if channel else None
            grid = Grid(int(bits), granularity, rule)
            return asdict(lab.round_layer(checkpoint, layer, grid, place))
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def quantize_network(
        checkpoint: str = first,
        image: str | None = None,
        granularity: str = "channel",
        rule: str = "start",
    ) -> list[dict[str, Any]]:
        """Compare a checkpoint in full precision, rounded to 8..2 bits, and trained with QT-DoG.

        checkpoint: "dataset/domain/name". image: a picture file, or nothing for the bundled
        samples. granularity: "channel" or "tensor". rule: "start", "least error" or "inq".
        Returns one record a network: method, bits, checkpoint, bytes of its file, and for each
        picture the class and all probabilities.
        """
        try:
            contenders = lab.contenders(checkpoint, Grid(8, granularity, rule))
            if image:
                shown = [read_or_say_why(image)]
                answers = [lab.answer(one, shown) for one in contenders]
            else:
                answers = [lab.answer_samples(one) for one in contenders]
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return [
            {
                "method": one.contender.method,
                "bits": one.contender.bits,
                "checkpoint": one.contender.key,
                "network_bytes": one.network_bytes,
                "classes": one.classes,
                "labels": one.labels,
                "probabilities": one.probabilities,
            }
            for one in answers
        ]

    # The endpoints' own fields, which the page does not show.
    with gr.Row(visible=False):
        key = gr.Textbox(first, label="checkpoint")
        name = gr.Textbox("", label="layer")
        width = gr.Number(4, precision=0, label="bits")
        place = gr.Number(0, precision=0, label="channel")
        sizes = gr.Textbox("channel", label="granularity")
        choice = gr.Textbox("start", label="rule")
        file = picture_field(label="image")
        record = gr.JSON(label="record")
        gr.Button().click(
            quantize_layer,
            [key, name, width, place, sizes, choice],
            record,
            api_name="quantize_layer",
            concurrency_id=LAB_QUEUE,
            concurrency_limit=1,
        )
        gr.Button().click(
            quantize_network,
            [key, file, sizes, choice],
            record,
            api_name="quantize_network",
            concurrency_id=LAB_QUEUE,
            concurrency_limit=1,
        )


def thumbnail(sample: Sample, pixels: int = THUMBNAIL) -> str:
    """A small copy of a sample as a data URI."""
    small = read_image(sample.path)
    small.thumbnail((pixels, pixels))
    content = io.BytesIO()
    small.save(content, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()


def _place(part: str) -> int | None:
    """The output channel, from 0, or None for all."""
    return None if part == ALL_CHANNELS else int(part) - 1
