"""What the Shift it and Batch tabs say, from given predictions and rows."""

import re

import pytest
from PIL import Image
from test_batch import ROWS, row

from qtdog.accuracy import Accuracy
from qtdog.explorer import SHIFTS, Prediction, Row
from qtdog.ui.batch import figures as batch_figures
from qtdog.ui.shift import figures as shift_figures
from qtdog.ui.shift.figures import Break, breaks, sentence

CLASSES = ("dog", "horse", "polar_bear")
MODELS = {"erm": "Full precision", "qt-dog": "QT-DoG", "eoq": "EoQ"}
NOISE = SHIFTS["noise"]


def said(method, label, sure=0.8):
    rest = (1 - sure) / (len(CLASSES) - 1)
    probabilities = tuple(sure if each == label else rest for each in CLASSES)
    return Prediction(
        MODELS[method], method, 7, CLASSES, probabilities, (), 0.5, 1, 7.0, 1.0, Accuracy(1, 2)
    )


def steps(**labels):
    """Each model's class at severities 0 to 5, from six letters: d, h or p."""
    names = {name[0]: name for name in CLASSES}
    series = [
        [said(method.replace("_", "-"), names[letter]) for letter in letters]
        for method, letters in labels.items()
    ]
    return list(zip(*series, strict=True))


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def test_a_break_is_the_first_severity_with_another_class():
    found = breaks(steps(erm="dddddd", qt_dog="ddhhhh", eoq="dhdddp"), "dog")
    assert found == [
        Break("Full precision", None, "", None),
        Break("QT-DoG", 2, "horse", None),
        Break("EoQ", 1, "horse", 2),
    ]


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (
            {"erm": "dddddd", "qt_dog": "dddddd", "eoq": "dddddd"},
            "Full precision, QT-DoG and EoQ say dog at every severity: none of them breaks.",
        ),
        (
            {"erm": "dddhhh", "qt_dog": "dppppp", "eoq": "dddddd"},
            "QT-DoG breaks first, at severity 1, and says polar bear. Full precision follows at "
            "severity 3 (horse). EoQ says dog up to severity 5.",
        ),
        (
            {"erm": "ddhhhh", "qt_dog": "ddppdd", "eoq": "dddddh"},
            "Full precision and QT-DoG break first, at severity 2, and say horse and polar bear. "
            "EoQ follows at severity 5 (horse). QT-DoG says dog again at severity 4.",
        ),
        (
            {"erm": "hhhhhh", "qt_dog": "dddddd"},
            "Full precision says horse and not dog, even unchanged. QT-DoG says dog up to severity "
            "5.",
        ),
        ({"erm": "dddddd"}, "Full precision says dog at every severity: it does not break."),
    ],
)
def test_the_sentence_names_who_breaks_first(series, words):
    assert text(sentence(steps(**series), "dog")) == words


def test_the_chart_puts_each_probability_at_its_severity():
    series = steps(erm="dddhhh", qt_dog="dddddd")
    svg = shift_figures.chart(series, "dog", NOISE, 2.5, series[2])
    lines = re.findall(r'<polyline points="([^"]+)"', svg)
    assert len(lines) == 2
    qt_dog, erm = ([tuple(map(float, p.split(","))) for p in line.split()] for line in lines)
    assert len({y for _, y in qt_dog}) == 1  # 0.8 throughout
    assert erm[0][1] == erm[2][1] == qt_dog[0][1] < erm[3][1] == erm[5][1]  # svg's y grows down
    assert [x for x, _ in erm] == sorted(x for x, _ in erm)
    assert "noise" in svg


def test_the_table_never_rounds_to_0_or_100_percent():
    nearly = [(said("erm", "dog", 0.99999),)] * 5 + [(said("erm", "dog", 1.0),)]
    cells = re.findall(
        r"<td>([^<]+)</td>", shift_figures.table(nearly, "dog", NOISE, "pacs/sketch", {})
    )
    assert cells == ["&gt;99.9 %"] * 5 + ["100.0 %"]
    cells = re.findall(
        r"<td>([^<]+)</td>", shift_figures.table(nearly, "horse", NOISE, "pacs/sketch", {})
    )
    assert cells == ["&lt;0.1 % (says dog)"] * 5 + ["0.0 % (says dog)"]


def test_every_picture_of_the_filmstrip_has_its_verdicts():
    images = [Image.new("RGB", (400, 300), (10 * n, 0, 0)) for n in range(6)]
    html = shift_figures.filmstrip(images, steps(erm="ddddhh", eoq="dddddd"), "dog", NOISE)
    assert re.findall(r'alt="([^"]+)"', html) == [f"Noise, severity {n}" for n in range(6)]
    assert html.count('class="agrees"') == 10
    assert html.count('class="dissents"') == 2


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            ROWS,
            "EoQ is right most often: 4 of 4. 5 of 6 files classified in 3 s. Files without a "
            "known class count for agreement only. 1 was not; the list below says why.",
        ),
        (
            [row(None, "dog", "dog", "dog"), row(None, "dog", "dog", "horse")],
            "All models say the same of 1 of 2 pictures. 2 of 2 files classified in 3 s. No file "
            "lies in a folder named like a class, so right and wrong are unknown.",
        ),
        (
            [row("dog", "dog", "dog", "dog")],
            "Full precision, QT-DoG and EoQ are right equally often: 1 of 1. 1 of 1 files "
            "classified in 3 s.",
        ),
        (
            [Row("x.png", None, problem="Broken.")],
            "None of these files could be classified. 0 of 1 files classified in 3 s. 1 was not; "
            "the list below says why.",
        ),
    ],
)
def test_the_summary_of_a_batch(rows, words):
    assert text(batch_figures.summary(rows, 3.2)) == words


def test_the_progress_says_what_is_left():
    assert "25 of 100 pictures, about 30 s left" in batch_figures.progress(25, 100, 10)
    assert "50 of 100 pictures, about 5 min left" in batch_figures.progress(50, 100, 300)
    assert 'value="25" max="100"' in batch_figures.progress(25, 100, 10)


@pytest.mark.parametrize(
    ("which", "files"), [("all", 6), ("wrong", 3), ("disagree", 4), ("unread", 1)]
)
def test_the_list_shows_what_was_asked_for(which, files):
    body = batch_figures.rows_table(ROWS, which).split("<tbody>")[1]
    assert body.count("<tr>") == files


def test_a_confusion_table_leaves_out_classes_that_never_occur():
    names = tuple(f"class_{n}" for n in range(345))
    rows = [row("class_7", "class_300", "class_7", "class_7"), row("class_7", *["class_7"] * 3)]
    html = batch_figures.confusion_table(rows, "Full precision", "erm", names)
    assert re.findall(r'<th scope="row">([^<]+)<', html) == ["class 7", "class 300"]
    assert re.findall(r"<td class[^>]*>([^<]+)<", html) == ["1", "1", "·", "·"]


def test_names_of_files_are_text_and_never_markup():
    evil = '"><img src=x onerror=alert(1)>.png'
    html = batch_figures.rows_table([Row(evil, None, problem="<b>Broken</b>.")])
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;img src=x" in html
