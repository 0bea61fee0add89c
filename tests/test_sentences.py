"""The sentences and cards say what the predictions say."""

import dataclasses
import math
import re

from node import ask_modules
from servers import ROOT

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import Target
from qtdog.explorer import DIGITS, SOURCE, TARGET, Flagged, Prediction
from qtdog.explorer.predictions import Hint
from qtdog.ui import sentences
from qtdog.ui.classify import figures
from qtdog.ui.figures import card, more_numbers, notices

CLASSES = ("dog", "guitar", "horse")


def prediction(method, probabilities, members=()):
    names = {"erm": "Full precision", "qt-dog": "QT-DoG", "eoq": "EoQ"}
    return Prediction(
        model=names[method],
        method=method,
        bits=32 if method == "erm" else 7,
        classes=CLASSES,
        probabilities=probabilities,
        members=members,
        entropy=0.5,
        size_bytes=9_098_856,
        bits_per_weight=32.0 if method == "erm" else 7.1,
        milliseconds=2.345,
        measured=Accuracy(2665, 3738),
    )


DOG, GUITAR, HORSE = (0.9, 0.06, 0.04), (0.2, 0.7, 0.1), (0.3, 0.1, 0.6)


def test_agreement_is_said_with_the_surest_model():
    three = [
        prediction("erm", DOG),
        prediction("qt-dog", (0.8, 0.1, 0.1)),
        prediction("eoq", (0.93, 0.05, 0.02)),
    ]
    assert sentences.summary(three) == "All three say dog; EoQ is surest (93 %)."
    assert sentences.summary(three[:2]) == "Both say dog; Full precision is surest (90 %)."
    assert sentences.summary(three[1:2]) == "QT-DoG says dog (80 %)."


def test_disagreement_names_every_camp():
    two_camps = [prediction("erm", HORSE), prediction("qt-dog", DOG), prediction("eoq", DOG)]
    assert sentences.summary(two_camps) == (
        "They disagree: Full precision says horse; QT-DoG and EoQ say dog. "
        "QT-DoG and EoQ are surest (90 %)."
    )
    as_sure = [prediction("erm", DOG), prediction("eoq", (0.06, 0.9, 0.04))]
    assert sentences.summary(as_sure).endswith("EoQ says guitar. Each is 90 % sure.")
    assert sentences.summary(two_camps[1:]) == "Both say dog; each is 90 % sure."


def test_votes_count_the_members():
    unanimous = prediction("eoq", DOG, (DOG,) * 5)
    assert sentences.votes(unanimous) == "EoQ's five members all say dog."
    split = prediction("eoq", DOG, (DOG, DOG, HORSE, DOG, HORSE))
    assert sentences.votes(split) == "Of EoQ's five members, three say dog, two say horse."
    outvoted = prediction("eoq", DOG, (GUITAR, GUITAR, HORSE, HORSE, GUITAR))
    assert sentences.votes(outvoted) == (
        "None of EoQ's five members says dog by itself: three say guitar and two say horse; "
        "the mean of their logits decides."
    )
    assert sentences.votes(prediction("erm", DOG)) == ""


def test_a_known_class_is_held_against_the_answers():
    mixed = [prediction("erm", HORSE), prediction("qt-dog", DOG), prediction("eoq", DOG)]
    assert (
        sentences.truth(mixed, "dog")
        == "The picture's class is dog. QT-DoG and EoQ are right, Full precision is wrong."
    )
    assert (
        sentences.truth(mixed, "horse")
        == "The picture's class is horse. Full precision is right, QT-DoG and EoQ are wrong."
    )
    assert sentences.truth(mixed, "guitar") == "The picture's class is guitar. None is right."
    assert sentences.truth(mixed[1:], "dog") == "The picture's class is dog. Both are right."


def test_percent_never_rounds_to_certainty():
    assert sentences.percent(1.0) == "100 %"
    assert sentences.percent(0.614) == "61 %"
    # A number near an end is one text, whether a sentence says it, a card or a table.
    for near, text in ((0.99999, ">99.9 %"), (0.997, "99.7 %"), (0.001, "0.1 %"), (1e-5, "<0.1 %")):
        assert sentences.percent(near) == sentences.tenths(near) == text


def test_a_card_shows_every_class_on_one_scale():
    html = card(prediction("erm", HORSE))
    assert re.findall(r"width:([\d.]+)%", html) == ["30.00", "10.00", "60.00"]
    assert re.findall(r'class="value">([\d.]+) %', html) == ["30.0", "10.0", "60.0"]
    assert "<strong>horse</strong><span>60.0 %</span>" in html
    assert "<dd>9.10 MB</dd>" in html
    assert "2.3 ms" not in html
    assert "<td>2.3 ms</td>" in more_numbers([prediction("erm", HORSE)])
    assert "71.3 %" in html
    assert "2,665 of 3,738<" in html


def test_a_card_says_whether_its_weights_are_averaged_on_both_pages():
    for method, bits in (("erm", 32), ("qt-dog", 7)):
        for averaged in (False, True):
            one = dataclasses.replace(prediction(method, DOG), averaged=averaged)
            (kind,) = re.findall(r'<p class="kind">([^<]+)</p>', card(one))
            assert kind.startswith("full precision, 32 bits" if bits == 32 else "quantized, 7 bits")
            assert kind.endswith(", averaged weights") == averaged
            script = "return (await load('cards.js')).kindOf(given.bits, given.averaged)"
            modules = ROOT / "qtdog" / "web" / "explorer"
            assert ask_modules(script, modules, bits=bits, averaged=averaged) == kind


def test_eoq_shows_a_chip_a_member_and_marks_who_dissents():
    html = figures.results([prediction("eoq", DOG, (DOG, DOG, HORSE))])
    assert re.findall(r'<li class="(agrees|dissents)">', html) == ["agrees", "agrees", "dissents"]
    assert re.findall(r'class="sure">([\d.]+) %', html) == ["90.0", "90.0", "60.0"]
    assert "3 networks of 7 bits" in html
    assert "7.1 × 3" in html


def test_names_from_checkpoints_cannot_inject_markup():
    target = Target("x/y", "x", "<img src=x>", ("<b>a</b>",), CLASSES)
    assert "<img" not in figures.question(target)
    assert "<b>a" not in figures.question(target)
    assert "<script" not in notices(["<script>alert(1)</script>"])


# Uncertainty, disagreement, the hint --------------------------------------------------------------


def test_uncertainty_is_in_bits_and_as_a_share_of_a_guess():
    guess = dataclasses.replace(prediction("erm", (1 / 3,) * 3), entropy=math.log(3))
    assert sentences.uncertainty(guess) == ("1.58 bits", "100 % of a guess")
    half = dataclasses.replace(guess, entropy=math.log(2) / 2)
    assert sentences.uncertainty(half) == ("0.50 bits", "32 % of a guess")
    html = more_numbers([half])
    assert '<td>0.50 bits<span class="counts">32 % of a guess' in html


def test_disagreement_counts_who_dissents():
    five = prediction("eoq", DOG, (DOG, DOG, HORSE, DOG, HORSE))
    assert sentences.disagreement(five).startswith(
        "Two of the five members dissent from EoQ's answer. Their disagreement is 0.33 bits: "
    )
    # Three classes: five members cannot be certain of five different ones.
    assert "1.58 bits if each is certain of another class" in sentences.disagreement(five)
    agreed = prediction("eoq", DOG, (DOG, DOG))
    assert sentences.disagreement(agreed).startswith("None of the two members dissents")
    assert "0.00 bits: 0 if all give the same probabilities, 1.00 bits" in (
        sentences.disagreement(agreed)
    )


SHARES = (
    Flagged(SOURCE, 57, 1154),
    Flagged(TARGET, 469, 3738),
    Flagged(DIGITS, 1188, 1797),
)


def hinted(method, unfamiliar, energies=(-1.5,), thresholds=(-2.94,), flagged=SHARES):
    one = prediction(method, DOG, (DOG,) * 3 if method == "eoq" else ())
    return dataclasses.replace(one, hint=Hint(unfamiliar, energies, thresholds, flagged))


def test_the_hint_says_how_often_it_is_wrong():
    erm = hinted("erm", True)
    assert sentences.unfamiliar([erm, hinted("qt-dog", False), prediction("eoq", DOG)]) == (
        "Full precision finds the picture unlike what it learned: perhaps it shows none of the "
        "three classes. This hint comes wrongly for 4.9 % of pictures of the learned domains and "
        "12.5 % of those of the held-out domain."
    )
    eoq = hinted("eoq", True, flagged=(Flagged(TARGET, 357, 3738),))
    both = sentences.unfamiliar([erm, eoq])
    assert both.startswith("Full precision and EoQ find the picture unlike what they learned")
    assert "for 4.9 % of pictures of the learned domains and 9.6 to 12.5 % of those" in both


def test_the_hints_table_has_every_count():
    models = [hinted("erm", True), prediction("qt-dog", DOG), hinted("eoq", True, flagged=())]
    html = figures.results(models)
    table = re.search("<table>.*?</table>", html)[0]
    assert re.findall('<th scope="col">(.*?)</th>', table) == ["pictures", "Full precision", "EoQ"]
    cells = re.findall("<td>(.*?)</td>", table)
    assert cells[0] == '4.9 %<span class="counts">57 of 1,154</span>'
    assert cells[4] == '66.1 %<span class="counts">1,188 of 1,797</span>'
    assert cells[1::2] == ["not measured"] * 3
    assert "Full precision and EoQ find" in html


def test_without_a_threshold_there_is_no_hint():
    assert sentences.unfamiliar([prediction("erm", DOG), hinted("qt-dog", False)]) == ""
    assert '<th scope="row">energy' not in more_numbers([prediction("erm", DOG)])
    assert "hint" not in figures.results([prediction("erm", DOG)])


def test_the_numbers_show_what_the_hint_is_decided_by():
    minus = "\N{MINUS SIGN}"
    erm = more_numbers([hinted("erm", True)])
    assert f'<td>{minus}1.5<span class="counts">hint above {minus}2.9' in erm
    eoq = hinted("eoq", False, (-1.0, -9.0, -9.0), (-2.0, -2.0, -2.0))
    assert '<td>1 of 3<span class="counts">above their limit' in more_numbers([eoq])


def test_a_class_that_is_doubted_comes_after_the_doubt_and_is_not_said_aloud():
    shown = figures.results([hinted("erm", True), hinted("qt-dog", False)])
    assert shown.index("perhaps it shows none") < shown.index("Both say dog")
    assert shown.count('<p class="verdict doubted"><em>perhaps none of these; likeliest</em>') == 1
    assert shown.count('<p class="verdict"><strong>dog</strong>') == 1
