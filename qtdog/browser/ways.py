"""The way there without a server: its picture, what is said of a step, the slider and Play."""

from collections.abc import Sequence

from qtdog.browser.panels import plot_of
from qtdog.landscape import Trajectories
from qtdog.ui import Markup, html
from qtdog.ui.landscape import way, way_place


def way_part(
    name: str, record: Trajectories, quantities: Sequence[str], address: str = ""
) -> Markup:
    """The way of `record` under the id `name`, at its end; `site.js` moves it. `quantities`: the
    picture's looks, "loss" or "accuracy"; `address`: the step's name there, if it has one."""
    steps = way.steps_of(record)
    looks = [(one, way.picture(record, one, steps[-1])) for one in quantities]
    return html(
        '<div class="way-place pair" id="{}"><div class="figure">{}</div><div>{}'
        '<label class="field" hidden>{} <input type="range" min="{}" max="{}" step="{}" '
        'value="{}"{}></label><button type="button" class="way-play" hidden>{}</button>{}</div>'
        "</div>",
        name,
        plot_of(looks),
        way.numbers_at(record, steps[-1]),
        way_place.STEP,
        steps[0],
        steps[-1],
        steps[1] - steps[0],
        steps[-1],
        html(' data-address="{}"', address) if address else "",
        way_place.PLAY,
        way.held_sentence(record),
    )
