"""Heat over a picture: colours, words and the slider."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from qtdog.explorer import Explanation
from qtdog.ui.classify import heat

SAME = tuple((1.0,) * 4 for _ in range(4))
SPREAD_OUT = (
    "the heat is spread out, the most (11 %) in the upper left, the least in the lower right"
)


def only(row, column, size=4):
    rows = np.zeros((size, size))
    rows[row, column] = 1
    return tuple(map(tuple, rows.tolist()))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (only(0, 0, 6), "100 % of the heat is in the upper left"),
        (only(5, 3, 6), "100 % of the heat is at the bottom"),
        (only(2, 5, 6), "100 % of the heat is on the right"),
        (only(1, 1, 3), "100 % of the heat is in the centre"),
        # The second of four rows lies a third in the upper and two thirds in the middle ninth.
        (only(1, 0), "67 % of the heat is on the left"),
        (((1, 0, 0), (0, 1, 0), (0, 0, 0)), "50 % of the heat is in the upper left"),
        (((0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1)),
         "67 % of the heat is in the upper left and in the centre"),
        (SAME, SPREAD_OUT),
        (((0.0, 0.0), (0.0, 0.0)), "no place speaks for this class"),
    ],
)  # fmt: skip
def test_words_say_where_it_is(rows, words):
    assert heat.where(rows) == words


def test_ninths_share_the_heat_by_area():
    shares = heat.ninths(only(1, 0))
    np.testing.assert_allclose(shares[:, 0], [1 / 3, 2 / 3, 0])
    random = np.random.default_rng(0).random((7, 5))
    # The same by cutting every place into 9 x 9 equal pieces.
    pieces = np.kron(random, np.ones((9, 9)))
    fine = np.add.reduceat(np.add.reduceat(pieces, [0, 21, 42]), [0, 15, 30], axis=1)
    np.testing.assert_allclose(heat.ninths(random), fine / fine.sum())


def test_the_overlay_colours_where_the_heat_is_and_nowhere_else():
    picture = Image.new("RGB", (200, 100), (10, 200, 30))
    shown = np.asarray(heat.overlay(picture, only(0, 3)), float)
    assert shown.shape == (heat.SIDE // 2, heat.SIDE, 3)
    grey = shown[-10:, :100]
    assert np.ptp(grey, axis=2).max() == 0
    hot, plain = shown[5, -5], grey[0, 0]
    darkest = np.array(heat.COLOURS[-1])
    np.testing.assert_allclose(
        hot, plain * (1 - heat.STRONGEST) + darkest * heat.STRONGEST, atol=12
    )


def test_side_by_side_and_the_slider_show_the_same_pictures_with_words():
    picture = Image.new("RGB", (60, 40), "white")
    explanations = [
        Explanation("Full precision", "erm", "<b>dog</b>", only(0, 0)),
        Explanation("EoQ", "eoq", "dog", only(3, 3)),
    ]
    html = heat.looks(picture, explanations)
    assert "<b>dog</b>:" in html  # the caption's own mark-up
    assert "for <b>&lt;b&gt;dog&lt;/b&gt;</b>" in html
    images = re.findall(r'src="data:image/webp;base64,([^"]+)" alt="([^"]+)"', html)
    assert [alt.split(":")[0] for _, alt in images] == [
        "Full precision, &lt;b&gt;dog&lt;/b&gt;",
        "EoQ, dog",
        "EoQ, dog",
        "Full precision, &lt;b&gt;dog&lt;/b&gt;",
    ]
    decoded = [Image.open(io.BytesIO(base64.b64decode(data))) for data, _ in images]
    assert {image.size for image in decoded} == {(360, 240)}
    assert decoded[0].tobytes() == decoded[3].tobytes() != decoded[1].tobytes()
    assert 'class="compare"' not in heat.looks(picture, explanations[:1])


def test_the_legend_has_the_colours_that_occur_on_a_picture():
    ramp = heat.seen_colours()
    grey = Image.new("RGB", (90, 90), (128, 128, 128))
    coldest, hottest = np.asarray(heat.overlay(grey, only(0, 3)))[[-10, 5], [10, -5]]
    np.testing.assert_allclose(ramp[0], coldest, atol=1)
    np.testing.assert_allclose(ramp[-1], hottest, atol=12)
