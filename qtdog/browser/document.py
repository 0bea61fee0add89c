"""The HTML and the style of the explorer without a server: places for its modules to fill."""

from collections.abc import Sequence

from qtdog.browser.manifest import Manifest, SiteSample, SiteTarget
from qtdog.browser.site import body_style
from qtdog.checkpoints import MODEL_NAMES, Target
from qtdog.explorer import MOST_SEVERE, SHIFTS
from qtdog.ui import Markup, appearance, charts, css, html, join, plain
from qtdog.ui.classify import figures as classify
from qtdog.ui.classify import layout, pad
from qtdog.ui.figures import head
from qtdog.ui.quantize import layout as quantize
from qtdog.ui.shift import figures as shift
from qtdog.ui.shift import layout as shift_layout
from qtdog.ui.weights import layout as weights
from qtdog.web import FOLDER as WEB

# Scripts, pictures and files of its own folder alone; a style may stand in an element, as
# everywhere in our figures. WebAssembly is what the networks run in.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "connect-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
NEEDS = (
    "This page computes in your browser, with JavaScript and WebAssembly. If this sentence stays, "
    "one of them is missing or switched off, or the page was opened as a file: it needs a web "
    "server, for example python -m http.server in its folder."
)
PRIVACY = "Your pictures and your camera's stay in this browser: nothing is sent anywhere."


def document(site: Manifest, measured: Markup) -> str:
    """index.html. `measured`: what was measured at every width, one sentence shown at a time."""
    return html(
        """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
<title>QT-DoG Explorer</title>
<script type="module" src="explorer/page.js"></script>
</head>
<body>
<header id="top">{}
<label class="field" id="target">Held-out domain <select id="domain">{}</select></label></header>
<p id="needs" class="notice" role="alert">{}</p>
<main id="page" hidden>
<div id="tabs" role="tablist" aria-label="Parts of the page">{}</div>
{}
{}
</main>
<footer class="foot"><p>{}</p><p id="offline" role="status"></p></footer>
</body>
</html>
""",
        POLICY,
        head(),
        join(html('<option value="{}">{}</option>', *one) for one in _domains(site.targets)),
        NEEDS,
        join(_tab(*one) for one in TABS),
        _workbench(site, measured),
        join(_part(*one) for one in TABS if one[0] not in WORKBENCH),
        PRIVACY,
    )


def style() -> str:
    """style.css: the page's own sheets, and what stands in for Gradio."""
    own = (WEB / "explorer" / "page.css").read_text(encoding="utf-8")
    return f"{css()}\n{body_style()}\n{own}"


def _workbench(site: Manifest, measured: Markup) -> Markup:
    return html(
        """<section id="workbench" role="tabpanel" aria-labelledby="tab-try">
<div id="questions">{}<div data-target="shift" hidden>{}</div>
<div data-target="quantize" hidden>{}</div></div>
<div id="bench">
<div id="question">
{}
<h2 id="samples-title" class="field-title">Or one of ours</h2>
<ul id="sample-list" aria-labelledby="samples-title">{}</ul>
</div>
<div id="answered">
{}
<div id="downloads"></div>
<div id="answers" aria-live="polite"></div>
{}
<fieldset id="models"><legend>Models to show</legend>{}</fieldset>
<label class="check"><input type="checkbox" id="look">
Show where each model looks (Grad-CAM)</label>
<div id="looking" hidden>
<label class="field">Evidence for the class
<select id="class"><option value="">{}</option></select></label>
<div class="figure"><div id="looks" class="looks"></div>{}</div>
</div>
</div>
</div>
<div data-notes="try">{}</div>
<div data-notes="shift" hidden>{}</div>
<div data-notes="quantize" hidden>{}</div>
</section>""",
        join(map(_question, site.targets)),
        shift.QUESTION,
        quantize.HEAD,
        PICTURE,
        join(map(_sample, site.samples)),
        _tools(measured),
        GRID + WEIGHTS,
        join(map(_model, METHODS)),
        layout.OWN_CHOICE[0],
        charts.TOOLS,
        classify.NOTES,
        shift.NOTES,
        quantize.NOTES,
    )


def _tools(measured: Markup) -> Markup:
    """What the tabs Shift it and Quantize set, above the same answers."""
    shifts = join(
        html('<option value="{}" data-about="{}">{}</option>', name, one.about, one.title)
        for name, one in SHIFTS.items()
    )
    rules = join(
        html(
            '<label class="check"><input type="radio" name="rule" value="{}"{}> {}</label>',
            rule,
            html(" checked") if rule == "least error" else "",
            words,
        )
        for words, rule in quantize.RULES
        if rule != "inq"
    )
    return html(
        """<div id="shift-tools" hidden>
<div class="tools"><label class="field">Shift <select id="shift">{}</select></label>
<label class="field">Severity <input type="range" id="severity" min="0" max="{}" step="0.1"
value="0"><output id="severity-value">0</output></label>
<label class="field">{} <select id="shift-class"></select></label></div>
<p class="quiet" id="shift-about"></p>
{}
</div>
<div id="quantize-tools" hidden>
<div class="tools"><label class="field">Bits a weight <input type="range" id="bits" min="2" max="8"
value="4"><output id="bits-value"></output></label></div>
<fieldset><legend>Levels</legend>{}</fieldset>
<div id="measured" role="status">{}</div>
</div>""",
        shifts,
        MOST_SEVERE,
        shift_layout.WATCH,
        STRIP,
        rules,
        measured,
    )


def _tab(name: str, title: str) -> Markup:
    return html(
        '<button type="button" role="tab" id="tab-{}" data-tab="{}" aria-selected="false">{}'
        "</button>",
        name,
        name,
        title,
    )


def _part(name: str, title: str) -> Markup:
    """A place for a part that is fetched when it is opened."""
    return html(
        '<section id="panel-{}" class="part" role="tabpanel" aria-labelledby="tab-{}" '
        'data-part="parts/{}.html" hidden><p class="quiet">Loading {} …</p></section>',
        name,
        name,
        name,
        title,
    )


TABS = (
    ("try", "Try it"),
    ("shift", "Shift it"),
    ("train", "Train it"),
    ("results", "Results"),
    ("landscape", "Landscape"),
    ("quantize", "Quantize"),
    ("learn", "Learn"),
    ("about", "About"),
)
WORKBENCH = ("try", "shift", "quantize")
"""These tabs share the picture and the answers."""
METHODS = ("erm", "qt-dog", "eoq")
STRIP = html(
    """<section id="strip" aria-label="The shift step by step" hidden>
<p class="summary" id="strip-said" role="status"></p>
<ol class="filmstrip" id="strip-frames"></ol>
<p class="quiet">A percentage is how sure the model is of the class that it says.
A click on a picture goes to its severity.</p>
<div class="quantize-pair"><div id="strip-chart"></div>
<div><div id="strip-table" class="scroll wide" tabindex="0" role="region" aria-label="In numbers">
</div><p id="strip-save"></p></div></div>
</section>"""
)
GRID = html(
    """<section id="grid" aria-label="One layer, rounded" hidden>
<label class="field">Layer of the network in full precision <select id="layer"></select></label>
<figure class="plot"><figcaption>Weights and the grid{}</figcaption>
<div id="layer-chart"></div>{}</figure>
<p class="picture-said" id="layer-said" role="status"></p>
</section>""",
    charts.legend(
        [
            (appearance.METHOD_STYLES["erm"].marker, "var(--erm)", "weights in full precision"),
            ("│", "var(--grid-line)", "where they may go"),
            ("■", "var(--clipped)", "cut off"),
        ]
    ),
    charts.TOOLS,
)
WEIGHTS = html(
    """<details id="weights" hidden><summary>Two networks compared</summary>
<div class="tools"><label class="field">Network <select id="weights-first"></select></label>
<label class="field">Compared with <select id="weights-second"></select></label></div>
<p class="summary" id="weights-said" role="status">Comparing the weights …</p>
<div class="quantize-pair"><div id="weights-layers"></div>
<div><label class="field">Layer <select id="weights-layer"></select></label>
<p class="picture-said" id="weights-layer-said" role="status"></p>
<div id="weights-channels" class="scroll wide" tabindex="0" role="region" aria-label="Channels">
</div></div></div>
<div class="quantize-pair" id="weights-pair"></div>
<p id="weights-save"></p>
{}</details>""",
    weights.NOTES,
)
PICTURE = html(
    """<div id="stage" tabindex="-1">
<canvas id="shown" role="img" aria-label="The picture that is classified"></canvas>
<canvas id="pad" hidden role="img" aria-label="{}"></canvas>
<video id="video" playsinline muted hidden></video>
</div>
<p id="rate" role="status"></p>
<div class="tools" id="sources">
<button type="button" id="choose">Choose a file</button>
<button type="button" id="camera" aria-pressed="false">Camera</button>
<button type="button" id="draw" aria-pressed="false">{}</button>
<input type="file" id="file" accept="image/*" hidden aria-label="A picture file">
</div>
<p class="quiet">You can also paste a picture, or drop one here.</p>
<div class="tools" id="camera-tools" hidden>
<button type="button" id="pause">Pause</button>
<button type="button" id="keep">Keep this frame</button>
<button type="button" id="turn">Other camera</button>
</div>
<div class="tools" id="pad-tools" hidden>{}</div>
<p id="picture-notice" class="notice" role="alert" hidden></p>""",
    pad.PAPER,
    pad.DRAW,
    pad.TOOLS,
)


def _question(target: SiteTarget) -> Markup:
    shown = Target(target.key, target.dataset, target.domain, target.source_domains, target.classes)
    return html('<div data-target="{}" hidden>{}</div>', target.key, classify.question(shown))


def _sample(one: SiteSample) -> Markup:
    return html(
        '<li><button type="button" data-sample="{}" title="{}" aria-pressed="false">'
        '<img src="{}" alt="{}" width="64" height="64" loading="lazy"></button></li>',
        one.name,
        one.title,
        one.file,
        one.alt,
    )


def _domains(targets: Sequence[SiteTarget]) -> list[tuple[str, str]]:
    several = len({one.dataset for one in targets}) > 1
    return [
        (one.key, f"{plain(one.domain)} ({one.dataset.upper()})" if several else plain(one.domain))
        for one in targets
    ]


def _model(method: str) -> Markup:
    return html(
        '<label class="check"><input type="checkbox" name="model" value="{}" checked> '
        '<span class="marker" aria-hidden="true" style="color: var(--{})">{}</span> '
        '<span class="model-name">{}</span></label>',
        method,
        method,
        appearance.METHOD_STYLES[method].marker,
        MODEL_NAMES[method],
    )
