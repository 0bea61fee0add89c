"""What the results' figures, tables and sentences show, against the numbers they are made of."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from bundled import FIRST_STUDY
from result_files import QUANTIZE_STEP, STEPS, log_points, measured_rows, write_results

from qtdog.results import AVERAGE, Choice, Column, Comparison, comparisons, load_results, pivot
from qtdog.ui import css, markup, verdicts
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.results import tables, views
from qtdog.ui.results.figures import (
    VARIANT_KEYS,
    Curve,
    bits_figure,
    family,
    steps_figure,
    style_key,
)
from qtdog.ui.results.sentences import NOTHING_MEASURED, verdict, which_width


class Table(HTMLParser):
    """The cells of the first table in some HTML, as text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results") / "files")


@pytest.fixture(scope="module")
def results(folder):
    return load_results(folder)


def _traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_size_figure_has_every_method_of_table_1_at_its_size(results):
    view = views.paper_size(results, "all")
    shown = sorted(
        (x, y) for trace in view.figure.data for x, y in zip(trace.x, trace.y, strict=True)
    )
    rows = [one for one in results.paper if (one.table, one.dataset) == ("1", "Average")]
    expected = sorted(
        (5.0 if r.relative_size == "4-6" else float(r.relative_size), r.accuracy) for r in rows
    )
    assert shown == expected
    eoq = _traces(view.figure)["EoQ"]
    assert (eoq.x, eoq.y) == ((1.1,), (68.4,))
    assert (eoq.marker.symbol, eoq.marker.color) == ("triangle-up", METHOD_STYLES["eoq"].colour)
    assert len(Table(view.html).rows) == 1 + len(rows)


def test_size_figure_marks_the_doubt_about_a_number(results):
    figure = views.paper_size(results, "PACS").figure
    hover = {row[0]: row[3] for trace in figure.data for row in trace.customdata}
    assert "⚑" in hover["EoQ, 7 bits"]
    assert "90.7" in hover["EoQ, 7 bits"]
    assert hover["SWAD"] == ""


def test_paper_bits_join_tables_9_and_10(results):
    traces = _traces(views.paper_bits(results, "PACS").figure)
    assert traces["QT-DoG"].x == (2, 3, 4, 5, 6, 7, 8)
    assert traces["QT-DoG"].y == (82.8, 83.3, 84.3, 85.3, 86.5, 87.8, 85.0)
    assert traces["QT-DoG"].error_y.array == (0.2, 0.4, 0.3, 0.4, 0.1, 0.3, 0.1)
    assert set(traces["ERM, full precision"].y) == {84.7}


def test_measured_bits_of_one_domain(results):
    view = views.measured_bits(results, "PACS", "sketch")
    traces = _traces(view.figure)
    assert traces["QT-DoG"].x == (4, 7)
    assert traces["QT-DoG"].y == pytest.approx((65, (138 + 144 + 133) / 6))
    assert traces["Rounded after training"].y == pytest.approx((37.5, (139 + 140 + 136) / 6))
    assert traces["Full precision"].y == pytest.approx([(140 + 143 + 138) / 6] * 2)
    assert traces["Full precision, averaged"].line.dash == "dash"
    assert "EoQ" not in traces
    cells = {(row[0], row[1]): row[2] for row in Table(view.html).rows[1:]}
    assert cells["QT-DoG", "4"] == "65.0"
    assert cells["Full precision", "32"].startswith("70.2 ± ")


@pytest.mark.parametrize("domain", ["photo", "cartoon", "sketch", "average"])
def test_no_two_lines_of_the_bundled_results_have_one_marker(domain):
    view = views.measured_bits(load_results(), "PACS", domain)
    lines = [trace for trace in view.figure.data if trace.marker.symbol]
    assert len({trace.marker.symbol for trace in lines}) == len(lines) > 1


def test_training_curves_are_the_logs(results, folder):
    view = views.training(results, "PACS", "sketch-1", folder)
    by_axis = {(trace.name, trace.yaxis): trace for trace in view.figure.data}
    for method, label in (("ERM", "Full precision"), ("QT-DoG", "QT-DoG, 7 bits")):
        points = log_points(method, 1)
        source, target = by_axis[label, "y"], by_axis[label, "y2"]
        assert source.x == target.x == STEPS
        assert source.y == pytest.approx([100 * one["source_validation"] for one in points])
        assert target.y == pytest.approx([100 * one["target"] for one in points])
        averaged = by_axis[f"{label}, averaged", "y2"]
        later = [one for one in points if one["step"] > QUANTIZE_STEP]
        assert averaged.x == tuple(one["step"] for one in later)
        assert averaged.y == pytest.approx([100 * one["averaged_target"] for one in later])
    assert [shape.x0 for shape in view.figure.layout.shapes] == [QUANTIZE_STEP] * 2
    assert "fixed sample of 1,000 images" in view.html
    row = Table(view.html).rows[1]
    assert row[:3] == ["80", "80.1", "60.0"]


def test_training_without_its_log_says_so(results, tmp_path):
    view = views.training(results, "PACS", "sketch-1", tmp_path)
    assert view.figure is None
    assert "There is no run log" in view.html
    assert views.training(results, "VLCS", "sketch-1").figure is None


def test_calibration_shows_target_and_source(results):
    view = views.calibration(results, "PACS", "cartoon", "ece")
    erm = _traces(view.figure)["Full precision"]
    assert erm.x == pytest.approx([(150 + 154 + 161) / 3 / 2000])
    rows = {row[0]: row[1:] for row in Table(view.html).rows}
    assert rows["Method"] == ["Held out", "Source validation"]
    assert rows["Full precision"] == ["0.077 ± 0.002", "0.020 ± 0.000"]
    assert rows["EoQ, 7 bits"] == ["0.082", "0.020"]


def test_figures_follow_the_rules_for_plots(results, folder):
    shown = [
        views.paper_size(results, "PACS"),
        views.paper_bits(results, "PACS"),
        views.measured_bits(results, "PACS", AVERAGE),
        views.calibration(results, "PACS", AVERAGE, "nll"),
        views.training(results, "PACS", "sketch-0", folder),
    ]
    for view in shown:
        layout = view.figure.layout
        assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
        assert layout.height
        assert all(axis.tickmode for axis in view.figure.select_xaxes())
        assert "<table" in view.html


def test_where_there_is_nothing_it_is_said(results, tmp_path):
    write_results(tmp_path / "f")
    (tmp_path / "f" / "measured.csv").unlink()
    empty = load_results(tmp_path / "f")
    for view in (
        views.measured_bits(empty, "PACS", None),
        views.calibration(empty, "PACS", None, "nll"),
        views.paper_bits(results, "VLCS"),
    ):
        assert view.figure is None
        assert re.search("[Nn]o", view.html)


def test_methods_share_their_style_over_tables():
    assert style_key("ERM Ens.") == style_key("ERM ensemble") == "erm-ensemble"
    assert style_key("QT-DoG (INQ)") == style_key("CORAL + QT-DoG") == "qt-dog"
    assert style_key("QT-DoG", averaged=True) == "qt-dog-averaged"
    assert style_key("Noise of one step size") == "noise"
    assert style_key("EoPTQ (least error)") == "eoptq"
    assert style_key("Freeze (unknown)", averaged=True) == "other"
    assert style_key("SWAD") == "other"
    # Averaged weights have the colour of their method and a hollow marker.
    for key, style in METHOD_STYLES.items():
        if key.endswith("-averaged"):
            single = METHOD_STYLES[key.removesuffix("-averaged")]
            assert style.colour == single.colour
            assert style.symbol == f"{single.symbol}-open"
    # No two methods have one marker; variants by the start of the step sizes share the colour.
    single = {key: one for key, one in METHOD_STYLES.items() if not key.endswith("-averaged")}
    assert len({style.marker for style in METHOD_STYLES.values()}) == len(METHOD_STYLES)
    variants = set(VARIANT_KEYS.values())
    assert len({style.colour for style in single.values()}) == len(single) - len(variants)
    for method, key in VARIANT_KEYS.items():
        assert style_key(method) == key
        assert single[key].colour == single[family(method)].colour
        assert style_key(method, averaged=True) == f"{key}-averaged"


def test_method_colours_stand_out_from_light_and_dark_ground():
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for style in METHOD_STYLES.values():
        assert (1 + 0.05) / (luminance(style.colour) + 0.05) > 4.5
        assert (luminance(style.colour_dark) + 0.05) / (luminance("#1a202b") + 0.05) > 4.5
        red, green, blue = (int(style.colour[i : i + 2], 16) for i in (1, 3, 5))
        assert f'[style*="fill: rgb({red}, {green}, {blue})"]' in css()


# The table


def test_every_number_of_the_table_names_its_source(results):
    choice = Choice("both", "PACS", "all", "7")
    html = tables.results_table(pivot(results, choice), choice)
    titles = re.findall(r'<td data-value="[\d.]+" title="([^"]+)"', html)
    frame = pivot(results, choice)
    cells = [cell for group in frame.groups for row in group.rows for cell in row.cells if cell]
    assert len(titles) == len(cells)
    assert all("Paper, Table 7." in one or "Measured here, " in one for one in titles)


def test_flags_stand_at_their_numbers_and_below_the_table(results):
    choice = Choice("paper", "PACS", "all", "7")
    html = tables.results_table(pivot(results, choice), choice)
    (eoq,) = re.findall(r"<tr data-flagged><th[^>]*>(?:(?!</tr>).)*EoQ.*?</tr>", html)[-1:]
    (number,) = re.findall(r"⚑(\d+)</a>", eoq.rpartition("EoQ</th>")[2])
    assert f'<li id="results-flag-{number}"><b>⚑{number}</b> ' in html
    assert "The Papers With Code listing has 90.7." in html
    assert html.count("<tr data-flagged") == 2


def test_run_logs_are_within_reach(results):
    choice = Choice("measured", "PACS")
    shown = pivot(results, choice)
    html = tables.results_table(shown, choice)
    for row in measured_rows():
        for name in str(row["run"]).split(";"):
            assert f'data-log="{name}"' in html
    linked = tables.results_table(
        shown, choice, lambda name: markup.html('<a href="runs/{}">log</a>', name)
    )
    assert "data-log" not in linked
    assert '<a href="runs/pacs-cartoon-erm-seed0.json">log</a>' in linked


def test_text_of_the_files_is_no_html(tmp_path):
    rows = [{**measured_rows()[0], "method": "<b>x", "note": "<script>alert(1)</script>"}]
    results = load_results(write_results(tmp_path / "f", rows))
    choice = Choice("measured", "PACS")
    html = tables.results_table(pivot(results, choice), choice)
    assert "<b>x" not in html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_text_of_the_files_is_no_markup_in_a_figure():
    """Plotly reads tags in names and titles, a link among them."""
    link = "<a href='https://example.org'>x</a>"
    curve = Curve(link, "erm", (1, 2), (0.5, 0.6), (0.4, 0.5))
    for figure in (steps_figure([curve], 1, link), bits_figure([], 0, link)):
        drawn = figure.to_json()
        assert "example.org" in drawn
        assert "<a" not in drawn


def test_an_empty_choice_says_so(results):
    choice = Choice("paper", "PACS", "CLIP ViT-B/16")
    assert "no number" in tables.results_table(pivot(results, choice), choice)


def test_titles_name_what_a_column_is_of():
    sketch = Column("PACS", "art_painting", "target")
    assert tables.column_title(sketch, Choice(benchmark="PACS")) == "art painting"
    assert tables.column_title(sketch) == "PACS, art painting"
    mean = Column("PACS", AVERAGE, "in-domain")
    assert tables.column_title(mean) == "PACS (source domains)"
    assert tables.column_title(Column("Average", AVERAGE, "target")) == "Average of benchmarks"


# Sentences


def _comparison(difference, low=None, high=None, seeds=3, fewest=None):
    fewest = seeds if fewest is None else fewest
    names = ("QT-DoG", "ERM", False, "MobileNetV2", "PACS", 7)
    return Comparison(*names, difference, low, high, ("a", "b"), seeds, fewest)


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        (_comparison(-2.44, -4.0, -0.9), ["over 2 targets of PACS with 3 seeds each",
         "2.4 points below full precision", "\N{MINUS SIGN}4.0 to \N{MINUS SIGN}0.9",
         "more than the noise",
         "does not beat full"]),
        (_comparison(-0.6, -2.0, 0.8, fewest=2), ["with up to 3 seeds each", "0.6 points below",
         "no more than the noise",
         "does not beat full"]),
        (_comparison(0.6, -0.5, 1.7), ["0.6 points above full prec", "no more than the noise"]),
        (_comparison(2.0, 1.0, 3.0), ["2.0 points above", "which is more than the noise"]),
        (_comparison(0.01), ["equal to 0.1 points"]),
        (_comparison(1.0, seeds=1), ["1 seed:", "without an uncertainty"]),
        (_comparison(1.0, seeds=0), ["over 2 targets of PACS: QT-DoG", "one ensemble a target"]),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_numbers_say(comparison, said):
    sentence = verdict(comparison)
    assert sentence.startswith("Measured here, over ")
    for part in said:
        assert part in sentence
    assert ("does not beat" in sentence) == (comparison.difference <= 0)


def test_verdicts_of_the_measurements(results):
    sentences = verdicts(results, comparisons(results.measured, "PACS"))
    assert sentences[0].startswith(
        "Measured here, over 2 targets of PACS with 3 seeds each: QT-DoG (7 bits) is "
    )
    assert any(
        "EoQ (7 bits) is 1.0 points below five in full precision together" in one
        for one in sentences
    )


def test_a_benchmark_without_measurements_claims_nothing(results):
    (sentence,) = verdicts(results, comparisons(results.measured, "VLCS"))
    assert "no two methods" in sentence
    assert len(comparisons(results.measured)) == len(comparisons(results.measured, "PACS")) > 1


def test_without_measurements_the_sentence_says_so(tmp_path):
    write_results(tmp_path / "f")
    (tmp_path / "f" / "measured.csv").unlink()
    assert verdicts(load_results(tmp_path / "f"), ()) == (NOTHING_MEASURED,)


def test_of_all_benchmarks_the_measured_one_has_the_figures(results, folder):
    assert views.held_out(results, "all") == views.held_out(results, "PACS") != ()
    for benchmark in ("all", "PACS"):
        assert views.measured_bits(results, benchmark, "sketch").figure is not None
        assert views.paper_bits(results, benchmark).figure is not None
        assert views.training(results, benchmark, "sketch-1", folder).figure is not None
        assert views.calibration(results, benchmark, "sketch", "nll").figure is not None


def test_ablations_and_combinations_stay_out_of_the_figures_but_not_of_the_tables(tmp_path):
    rows = measured_rows()
    sketch = [row for row in rows if row["domain"] == "sketch" and row["method"] == "QT-DoG"]
    of_seven = [row for row in sketch if row["bits"] == 7]
    rows += [{**row, "quantize_step": 80} for row in of_seven]
    rows += [{**row, "granularity": "tensor"} for row in of_seven]
    rows += [{**row, "method": "CORAL + QT-DoG"} for row in of_seven]
    results = load_results(write_results(tmp_path / "f", rows))
    bits = views.measured_bits(results, "PACS", "sketch")
    assert {trace.name for trace in bits.figure.data} == {
        "Full precision", "Full precision, averaged", "Rounded after training", "QT-DoG"
    }  # fmt: skip
    trained = next(trace for trace in bits.figure.data if trace.name == "QT-DoG")
    assert list(trained.x) == [4, 7]
    ece = views.calibration(results, "PACS", "sketch", "ece")
    assert {trace.name for trace in ece.figure.data} == {
        *("Full precision", "Full precision, averaged"),
        *("Rounded after training, 7 bits", "QT-DoG, 7 bits"),
    }  # fmt: skip
    for view in (bits, ece):
        for label in ("quantized at step 80", "one step size a layer", "CORAL + QT-DoG"):
            assert label in view.html


def test_no_table_scrolls_in_a_box_of_its_own():
    rules = dict(re.findall(r"(#results \.scroll|#batch-table \.files) \{([^}]*)\}", css()))
    assert len(rules) == 2
    assert not [rule for rule in rules.values() if "max-height" in rule]


def test_the_width_to_take_is_one_that_every_held_out_domain_has():
    measured = load_results(FIRST_STUDY).measured
    said = which_width(measured, "PACS")
    assert "7 bits: the only width that is measured here on every held-out domain" in said
    assert "and the best in the paper" in said
    assert "The others were measured on fewer" in said
    quantized = [one for one in measured if one.method == "QT-DoG" and one.bits == 7]
    more = [*quantized, *(dataclasses.replace(one, bits=5) for one in quantized)]
    said = which_width(more, "PACS")
    assert said.endswith("7 or 5 bits: the widths that are measured here on every held-out domain.")
    assert which_width((), "PACS").endswith("In the paper 7 bits are the best.")
