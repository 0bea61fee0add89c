"""The results and landscapes as one HTML page that needs no server: the same tables and figures.

Everything is inside the file, plotly.js once; it asks nothing of a network. Without JavaScript the
tables and the numbers of the figures still read.
"""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from qtdog.atomic import write_atomically
from qtdog.landscape import store
from qtdog.landscape.records import Record, Surface
from qtdog.landscape.subjects import order
from qtdog.results import (
    ALL,
    FOLDER,
    Choice,
    Results,
    ResultsError,
    comparisons,
    load_results,
    load_run,
    options,
    pivot,
)
from qtdog.ui import (
    landscape,
    landscape_figures,
    landscape_planes,
    landscape_texts,
    results_views,
    theme,
)
from qtdog.ui import results_tables as tables
from qtdog.ui.figures import notices
from qtdog.ui.results_sentences import verdicts
from qtdog.ui.results_views import View
from qtdog.ui.sentences import plain

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


def write_site(out: Path, folder: Path = FOLDER, landscapes: Path = landscape.FOLDER) -> Path:
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
) -> str:
    """The whole page. `folder` holds the run logs."""
    look = theme.theme()
    style = STYLE % {
        "light": look.body_background_fill,
        "dark": look.body_background_fill_dark,
        "ink": look.body_text_color,
        "ink_dark": look.body_text_color_dark,
    }
    of = options(results, Choice())
    names = [*of.benchmarks, ALL]
    first = results.measured[0].dataset if results.measured else "PACS"
    names.sort(key=lambda name: name != first)
    panels = {
        "all benchmarks" if name == ALL else name: _benchmark(results, name, folder)
        for name in names
    }
    script = SCRIPT.read_text(encoding="utf-8").replace("/* results.js */", tables.SCRIPT)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<link rel="icon" href="data:,">
<title>QT-DoG Explorer: results</title>
<style>{theme.css()}{style}</style>
</head>
<body>
<header class="head"><h1>QT-DoG Explorer: results</h1>
<p>The numbers of the paper (<a href="{tables.PAPER_LINK}">arXiv 2410.06020</a>) and those measured
by this implementation, with where each is from.</p></header>
<main id="results">
{notices([*results.problems, *problems])}
{_choice("Benchmark", panels, 2)}
{_logs(results, folder)}
</main>
{_landscapes(records)}
<script>{get_plotlyjs()}</script>
<script>{script}</script>
</body>
</html>
"""


def _benchmark(results: Results, benchmark: str, folder: Path) -> str:
    """Table and figures of one benchmark, or of all."""
    found = comparisons(results.measured, benchmark)
    sentences = "".join(f"<li>{sentence}</li>" for sentence in verdicts(results, found))
    parts = [
        f"<ul>{sentences}</ul>" if benchmark != ALL else "",
        '<h2 class="section">Measured here</h2>',
        _table(results, Choice("measured", benchmark)),
        '<h2 class="section">In the paper</h2>',
        _table(results, Choice("paper", benchmark)),
        '<h2 class="section">Accuracy against size</h2>',
        _pair(
            ("In the paper", results_views.paper_size(results, benchmark)),
            ("Measured here", results_views.measured_size(results, benchmark)),
        ),
        '<h2 class="section">Accuracy against bits</h2>',
        _pair(("In the paper", results_views.paper_bits(results, benchmark))),
    ]
    domains = {
        plain(domain): _domain(results, benchmark, domain)
        for domain in results_views.held_out(results, benchmark)
    }
    runs = {
        title: _pair(("Measured here", results_views.training(results, benchmark, key, folder)))
        for key, title in results_views.training_choices(results, benchmark).items()
    }
    if domains:
        parts.append(_choice("Held-out domain, measured here", domains, 3))
    if runs:
        parts.append('<h2 class="section">Accuracy over training</h2>')
        parts.append(_choice("Held-out domain and seed", runs, 3))
    return "\n".join(parts)


def _table(results: Results, choice: Choice) -> str:
    table = tables.results_table(pivot(results, choice), choice, _log_link)
    # The notes' names are those of a page with one table; here are several.
    name = _slug(f"{choice.source}-{choice.benchmark}")
    return re.sub(r"results-(flag|remark)-", rf"{name}-\1-", table)


def _domain(results: Results, benchmark: str, domain: str) -> str:
    views = [("Accuracy against bits", results_views.measured_bits(results, benchmark, domain))]
    views += [
        (title, results_views.calibration(results, benchmark, domain, measure))
        for measure, (title, *_) in results_views.CALIBRATION.items()
    ]
    return _pair(*views)


def _landscapes(records: Sequence[Record]) -> str:
    """Every stored landscape; nothing where there is none."""
    groups: dict[str, dict[str, list[Record]]] = {}
    kinds = list(landscape_texts.KINDS)
    for record in sorted(records, key=lambda one: kinds.index(landscape.kind_of(one))):
        kind = landscape.kind_of(record)
        measure = landscape_texts.KINDS[kind]
        if kind in ("flatness", "curvature"):
            way = landscape_texts.DIRECTIONS[landscape.way_of(record)]
            measure += f", {way[0].lower()}{way[1:]}"
        measure += ", weights rounded again" if landscape.is_rounded(record) else ""
        of = f"{record.images.dataset.upper()}, {plain(record.target_domain)} held out, images of "
        of += f"the {landscape_texts.SPLITS[record.images.split].lower()}"
        groups.setdefault(of, {}).setdefault(measure, []).append(record)
    if not groups:
        return ""
    panels = {
        of: _choice("Show", {name: _landscape(some, records) for name, some in shown.items()}, 3)
        for of, shown in groups.items()
    }
    return (
        f'<section id="landscape"><h2 class="section">Loss landscapes</h2>'
        f"{landscape_texts.QUESTION}{_choice('Networks and images', panels, 2)}</section>"
    )


def _landscape(found: Sequence[Record], everything: Sequence[Record]) -> str:
    found = sorted(found, key=lambda one: order(landscape.models_of(one)[0]))
    kind = landscape.kind_of(found[0])
    planes = ""
    if kind in landscape.SLICES:
        surfaces = [one for one in found if isinstance(one, Surface)]
        limits = landscape_planes.plane_limits(surfaces, "loss")
        planes = "".join(
            f'<div class="figure plane">{landscape_planes.heading(one)}'
            f"{_plot(landscape_planes.plane(one, 'loss', limits, scene=False))}</div>"
            for one in surfaces
        )
        planes = f'<div class="pair">{planes}</div>'
    return (
        landscape_figures.headline(found, found[0].target_domain)
        + planes
        + landscape_figures.numbers(found, everything)
        + landscape_texts.notes(kind)
        + landscape_texts.provenance(found)
    )


def _logs(results: Results, folder: Path) -> str:
    """The run logs that the measured numbers rest on, folded."""
    names = sorted({log for one in results.measured for log in one.measurement.runs})
    if not names:
        return ""
    logs = []
    for name in names:
        try:
            shown = tables.run_log(load_run(name, folder))
        except ResultsError as error:
            shown = notices([str(error)])
        logs.append(
            f'<details id="log-{_slug(name)}"><summary>{escape(name)}</summary>{shown}</details>'
        )
    return f'<h2 class="section">Run logs</h2>{"".join(logs)}'


def _log_link(name: str) -> str:
    return f'<a href="#log-{_slug(name)}">{escape(name)}</a>'


def _pair(*views: tuple[str, View]) -> str:
    """Figures side by side, each with what stands below it."""
    figures = "".join(
        f'<div class="figure"><h3>{title}</h3>{_plot(view.figure)}{view.html}</div>'
        for title, view in views
    )
    return f'<div class="pair">{figures}</div>'


def _plot(figure: go.Figure | None) -> str:
    """A figure as JSON, which site.js draws when it comes into view."""
    if figure is None:
        return ""
    content = figure.to_json().replace("</", "<\\/")
    height = figure.layout.height or 450
    return (
        f'<div class="plot" style="height: {height}px">'
        f'<script type="application/json">{content}</script></div>'
    )


def _choice(label: str, panels: dict[str, str], level: int) -> str:
    """A list to choose one of several panels from; without JavaScript all are shown."""
    items = "".join(f"<option>{escape(name)}</option>" for name in panels)
    shown = "".join(
        f'<section class="panel"><h{level} class="panel-title">{escape(name)}</h{level}>'
        f"{content}</section>"
        for name, content in panels.items()
    )
    return (
        f'<div class="panels"><label class="choice" hidden>{label} <select>{items}</select></label>'
        f"{shown}</div>"
    )


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower())
