"""The drawing pad, in the picture's place: what is drawn becomes the field's picture."""

from pathlib import Path

from qtdog.ui.markup import Html, html

DRAW, PAPER = "Draw", "Drawing pad"
TOOLS = html(
    """<button type="button" data-pad="undo">Undo</button>
<button type="button" data-pad="clear">Clear</button>
<label class="field">Line width
<input type="range" data-pad="width" min="2" max="40" value="10"></label>"""
)
GIVEN = "() => document.querySelector('#pad').given"
"""JavaScript: the upload of what is drawn, or null of an empty pad, when "drawn" was told."""

SCRIPT = Path(__file__).with_name("pad.js").read_text(encoding="utf-8")


def drawing_pad() -> Html:
    """Lay out the button, and the pad that it opens; its event "drawn" is told when a stroke has
    ended."""
    return Html(
        html(
            """<canvas id="pad" role="img" aria-label="{}"></canvas>
<div id="pad-tools">{}</div>
<p class="notice" role="alert" hidden></p>
<button type="button" id="draw" aria-pressed="false">{}</button>""",
            PAPER,
            TOOLS,
            DRAW,
        ),
        elem_id="drawing",
        padding=False,
        js_on_load=SCRIPT,
    )
