"""The results and landscapes as one HTML page that needs no server: the same tables and figures.

Everything is inside the file, plotly.js once; it asks nothing of a network. Without JavaScript the
tables and the numbers of the figures still read.
"""

from pathlib import Path

from plotly.offline import get_plotlyjs

from qtdog.browser.exports import RESULTS_TITLE, write_export
from qtdog.browser.landscapes import landscapes_part
from qtdog.browser.panels import template
from qtdog.browser.results import results_part
from qtdog.files import write_atomically
from qtdog.landscape import store
from qtdog.places import LANDSCAPES, SHOWN_STUDY
from qtdog.results import Results, ResultsError, load_results
from qtdog.ui import Markup, html, notices, trusted
from qtdog.ui import appearance as theme
from qtdog.ui.landscape import layout, way_place
from qtdog.ui.landscape import stored as stores
from qtdog.ui.results import tables

SCRIPTS = Path(__file__).parent
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
[hidden] { display: none !important; }
.choice { margin: 22px 0 14px; }
.choice:not([hidden]) { display: block; }
.tools .choice:not([hidden]) { display: inline-flex; flex-wrap: wrap; gap: 4px 10px;
  align-items: center; margin: 0; }
.tools { display: flex; flex-wrap: wrap; gap: 10px 24px; align-items: center; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%%, 440px), 1fr));
  gap: 18px; }
.figure { min-width: 0; }
.plot { min-height: 1px; }
.js-plotly-plot .main-svg text { fill: var(--quiet) !important; }
.way-place .js-plotly-plot .main-svg :is(.annotation-text, .hoverlayer text) {
  fill: #172033 !important; }
fieldset.models { border: 0; margin: 0 0 10px; padding: 0; }
.way-place .field input { flex: 1; min-width: 9rem; }
.way-place .way-play { margin: 8px 0 4px; }
"""


def write_site(out: Path, folder: Path = SHOWN_STUDY, landscapes: Path = LANDSCAPES) -> Path:
    """Write `out`/index.html from the results files in `folder` and the landscapes, if there are
    any; returns its path. Raises ResultsError where no results file can be used, ExportError for
    an `out` that holds something else."""
    results = load_results(folder)
    if not (results.paper or results.measured):
        raise ResultsError(results.problems[0])
    records, problems = store.load_all(landscapes)
    content = page(results, folder, stores.Stored(tuple(records), tuple(problems))).encode()

    def fill(new: Path) -> None:
        write_atomically(new / "index.html", lambda handle: handle.write(content))

    write_export(out, fill)
    return out / "index.html"


def page(results: Results, folder: Path, stored: stores.Stored) -> Markup:
    """The whole page. `folder` holds the run logs."""
    return html(
        """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{}">
<link rel="icon" href="data:,">
<title>{}</title>
<style>{}{}</style>
</head>
<body>
<header class="head"><h1>{}</h1>
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
        RESULTS_TITLE,
        trusted(theme.css()),
        trusted(body_style()),
        RESULTS_TITLE,
        tables.PAPER_LINK,
        notices(stored.problems),
        results_part(results, folder),
        landscapes_part(stored),
        trusted(get_plotlyjs()),
        trusted(script()),
    )


def script() -> str:
    """What wires tables, choices and figures, once they are in the page."""
    parts = {
        "/* template */": template(),
        "/* results.js */": tables.SCRIPT,
        "/* landscape.js */": layout.SCRIPT,
        "/* way.js */": way_place.SCRIPT,
        "/* memory.js */": _own("memory.js"),
        "/* landscapes.js */": _own("landscapes.js"),
    }
    text = _own("site.js")
    for place, part in parts.items():
        text = text.replace(place, part)
    return text


def body_style() -> str:
    """What the page's own theme does elsewhere, for a page that stands alone."""
    look = theme.theme()
    return STYLE % {
        "light": look.body_background_fill,
        "dark": look.body_background_fill_dark,
        "ink": look.body_text_color,
        "ink_dark": look.body_text_color_dark,
    }


def _own(name: str) -> str:
    return (SCRIPTS / name).read_text(encoding="utf-8")
