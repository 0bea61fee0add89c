"""The results and landscapes as one HTML page that needs no server: the same tables and figures.

Everything is inside the file, plotly.js once; it asks nothing of a network. Without JavaScript the
tables and the numbers of the figures still read.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from qtdog.files import write_atomically
from qtdog.landscape import Record, Surface, order, store
from qtdog.places import LANDSCAPES, RESULTS
from qtdog.results import (
    ALL,
    Choice,
    Results,
    ResultsError,
    comparisons,
    load_results,
    load_run,
    options,
    pivot,
)
from qtdog.ui import Markup, View, html, join, notices, plain, trusted, verdicts
from qtdog.ui import appearance as theme
from qtdog.ui.landscape import figures, planes, stored, texts
from qtdog.ui.results import tables, views

SCRIPT = Path(__file__).with_name("site.js")
# Nothing is fetched, whatever the libraries inside might try.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "img-src data: blob:"
)
STYLE = """
body { margin: 0 auto; padding: 28px clamp(14px, 2.5vw, 32px) 40px; max-width: 1360px;
  font: 1rem/1.5 Inter, "Segoe UI", "Helvetica Neue", Arial, system-ui, sans-serif;
  background: %(light)s; color: %(ink)s; }
.dark body { background: %(dark)s; color: %(ink_dark)s; }
a { color: inherit; }
select { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line);
  border-radius: 8px; padding: 7px 10px; max-width: 100%%; }
.choice { display: block; margin: 22px 0 14px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%%, 440px), 1fr));
  gap: 18px; }
.figure { min-width: 0; }
.plot { min-height: 1px; }
.js-plotly-plot .main-svg text { fill: var(--quiet) !important; }
"""


def write_site(out: Path, folder: Path = RESULTS, landscapes: Path = LANDSCAPES) -> Path:
    """Write `out`/index.html from the results files in `folder` and the landscapes, if there are
    any; returns its path. Raises ResultsError where no results file can be used."""
    results = load_results(folder)
    if not (results.paper or results.measured):
        raise ResultsError(results.problems[0])
    records, problems = store.load_all(landscapes)
    content = page(results, folder, records, problems).encode()
    write_atomically(out / "index.html", lambda handle: handle.write(content))
    return out / "index.html"


def page(
    results: Results, folder: Path, records: Sequence[Record] = (), problems: Sequence[str] = ()
) -> Markup:
    """The whole page. `folder` holds the run logs."""
    return html(
        """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{}">
<link rel="icon" href="data:,">
<title>QT-DoG Explorer: results</title>
<style>{}{}</style>
</head>
<body>
<header class="head"><h1>QT-DoG Explorer: results</h1>
<p>The numbers of the paper (<a href="{}">arXiv 2410.06020</a>) and those measured
by this implementation, with where each is from.</p></header>
<main id="results">
{}
{}
</main>
{}
<script>{}</script>
<script>{}</script>
</body>
</html>
""",
        POLICY,
        trusted(theme.css()),
        trusted(body_style()),
        tables.PAPER_LINK,
        notices([*results.problems, *problems]),
        results_part(results, folder),
        landscapes_part(records),
        trusted(get_plotlyjs()),
        trusted(script()),
    )


def script() -> str:
    """What wires tables, choices and figures, once they are in the page."""
    return SCRIPT.read_text(encoding="utf-8").replace("/* results.js */", tables.SCRIPT)


def results_part(results: Results, folder: Path) -> Markup:
    """Tables and figures of every benchmark, and the run logs in `folder`."""
    of = options(results, Choice())
    names = [*of.benchmarks, ALL]
    first = results.measured[0].dataset if results.measured else "PACS"
    names.sort(key=lambda name: name != first)
    panels = {
        "all benchmarks" if name == ALL else name: _benchmark(results, name, folder)
        for name in names
    }
    return _choice("Benchmark", panels, 2) + _logs(results, folder)


def body_style() -> str:
    """What the page's own theme does elsewhere, for a page that stands alone."""
    look = theme.theme()
    return STYLE % {
        "light": look.body_background_fill,
        "dark": look.body_background_fill_dark,
        "ink": look.body_text_color,
        "ink_dark": look.body_text_color_dark,
    }


def _benchmark(results: Results, benchmark: str, folder: Path) -> str:
    """Table and figures of one benchmark, or of all."""
    found = comparisons(results.measured, benchmark)
    sentences = join(html("<li>{}</li>", sentence) for sentence in verdicts(results, found))
    parts = [
        html("<ul>{}</ul>", sentences) if benchmark != ALL else "",
        html('<h2 class="section">Measured here</h2>'),
        _table(results, Choice("measured", benchmark)),
        html('<h2 class="section">In the paper</h2>'),
        _table(results, Choice("paper", benchmark)),
        html('<h2 class="section">Accuracy against size</h2>'),
        _pair(
            ("In the paper", views.paper_size(results, benchmark)),
            ("Measured here", views.measured_size(results, benchmark)),
        ),
        html('<h2 class="section">Accuracy against bits</h2>'),
        _pair(("In the paper", views.paper_bits(results, benchmark))),
    ]
    domains = {
        plain(domain): _domain(results, benchmark, domain)
        for domain in views.held_out(results, benchmark)
    }
    runs = {
        title: _pair(("Measured here", views.training(results, benchmark, key, folder)))
        for key, title in views.training_choices(results, benchmark).items()
    }
    if domains:
        parts.append(_choice("Held-out domain, measured here", domains, 3))
    if runs:
        parts.append(html('<h2 class="section">Accuracy over training</h2>'))
        parts.append(_choice("Held-out domain and seed", runs, 3))
    return join(parts, "\n")


def _table(results: Results, choice: Choice) -> Markup:
    table = tables.results_table(pivot(results, choice), choice, _log_link)
    # The notes' names are those of a page with one table; here are several.
    name = _slug(f"{choice.source}-{choice.benchmark}")
    return trusted(re.sub(r"results-(flag|remark)-", rf"{name}-\1-", table))


def _domain(results: Results, benchmark: str, domain: str) -> str:
    shown = [("Accuracy against bits", views.measured_bits(results, benchmark, domain))]
    shown += [
        (title, views.calibration(results, benchmark, domain, measure))
        for measure, (title, *_) in views.CALIBRATION.items()
    ]
    return _pair(*shown)


def landscapes_part(records: Sequence[Record]) -> Markup:
    """Every stored landscape; nothing where there is none."""
    groups: dict[str, dict[str, list[Record]]] = {}
    kinds = list(texts.MEASURES)
    for record in sorted(records, key=lambda one: kinds.index(stored.kind_of(one))):
        kind = stored.kind_of(record)
        measure = texts.MEASURES[kind]
        if kind in ("flatness", "curvature"):
            way = texts.DIRECTIONS[stored.way_of(record)]
            measure += f", {way[0].lower()}{way[1:]}"
        measure += ", weights rounded again" if stored.is_rounded(record) else ""
        of = f"{record.images.dataset.upper()}, {plain(record.target_domain)} held out, images of "
        of += f"the {texts.IMAGES[record.images.split].lower()}"
        groups.setdefault(of, {}).setdefault(measure, []).append(record)
    if not groups:
        return Markup()
    panels = {
        of: _choice("Show", {name: _landscape(some, records) for name, some in shown.items()}, 3)
        for of, shown in groups.items()
    }
    return html(
        '<section id="landscape"><h2 class="section">Loss landscapes</h2>{}{}</section>',
        texts.QUESTION,
        _choice("Networks and images", panels, 2),
    )


def _landscape(found: Sequence[Record], everything: Sequence[Record]) -> str:
    found = sorted(found, key=lambda one: order(stored.models_of(one)[0]))
    kind = stored.kind_of(found[0])
    drawn = Markup()
    if kind in stored.SLICES:
        surfaces = [one for one in found if isinstance(one, Surface)]
        limits = planes.plane_limits(surfaces, "loss")
        drawn = join(
            html(
                '<div class="figure plane">{}{}</div>',
                planes.heading(one),
                _plot(planes.plane(one, "loss", limits, scene=False)),
            )
            for one in surfaces
        )
        drawn = html('<div class="pair">{}</div>', drawn)
    return (
        figures.headline(found, found[0].target_domain)
        + drawn
        + figures.numbers(found, everything)
        + texts.notes(kind)
        + texts.provenance(found)
    )


def _logs(results: Results, folder: Path) -> Markup:
    """The run logs that the measured numbers rest on, folded."""
    names = sorted(
        {log for one in results.measured if one.measurement for log in one.measurement.runs}
    )
    if not names:
        return Markup()
    logs = []
    for name in names:
        try:
            shown = tables.run_log(load_run(name, folder))
        except ResultsError as error:
            shown = notices([str(error)])
        logs.append(
            html('<details id="log-{}"><summary>{}</summary>{}</details>', _slug(name), name, shown)
        )
    return html('<h2 class="section">Run logs</h2>{}', join(logs))


def _log_link(name: str) -> Markup:
    return html('<a href="#log-{}">{}</a>', _slug(name), name)


def _pair(*shown: tuple[str, View]) -> Markup:
    """Figures side by side, each with what stands below it."""
    side_by_side = join(
        html('<div class="figure"><h3>{}</h3>{}{}</div>', title, _plot(view.figure), view.html)
        for title, view in shown
    )
    return html('<div class="pair">{}</div>', side_by_side)


def _plot(figure: go.Figure | None) -> Markup:
    """A figure as JSON, which site.js draws when it comes into view."""
    if figure is None:
        return Markup()
    content = str(figure.to_json()).replace("<", "\\u003c")  # no tag may end the script
    height = figure.layout.height or 450
    return html(
        '<div class="plot" style="height: {}px"><script type="application/json">{}</script></div>',
        height,
        trusted(content),
    )


def _choice(label: str, panels: Mapping[str, str], level: int) -> Markup:
    """A list to choose one of several panels from; without JavaScript all are shown."""
    items = join(html("<option>{}</option>", name) for name in panels)
    shown = join(
        html(
            '<section class="panel"><h{} class="panel-title">{}</h{}>{}</section>',
            level,
            name,
            level,
            content,
        )
        for name, content in panels.items()
    )
    return html(
        '<div class="panels"><label class="choice" hidden>{} <select>{}</select></label>{}</div>',
        label,
        items,
        shown,
    )


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower())
