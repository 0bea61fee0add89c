"""The sentences and cards say what the predictions say."""

import re

from qtdog.accuracy import Accuracy
from qtdog.explorer import Prediction, Target
from qtdog.ui import figures, sentences

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
        "They disagree: Full precision says horse; QT-DoG and EoQ say dog. QT-DoG is surest (90 %)."
    )


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
    assert sentences.truth(mixed, "dog") == "The picture's class is dog. QT-DoG and EoQ are right."
    assert (
        sentences.truth(mixed, "horse") == "The picture's class is horse. Full precision is right."
    )
    assert sentences.truth(mixed, "guitar") == "The picture's class is guitar. None is right."
    assert sentences.truth(mixed[1:], "dog") == "The picture's class is dog. Both are right."


def test_percent_never_rounds_to_certainty():
    assert sentences.percent(0.9999) == "over 99 %"
    assert sentences.percent(0.001) == "under 1 %"
    assert sentences.percent(1.0) == "100 %"
    assert sentences.percent(0.614) == "61 %"


def test_a_card_shows_every_class_on_one_scale():
    html = figures.card(prediction("erm", HORSE))
    assert re.findall(r"width:([\d.]+)%", html) == ["30.00", "10.00", "60.00"]
    assert re.findall(r'class="value">([\d.]+) %', html) == ["30.0", "10.0", "60.0"]
    assert "<strong>horse</strong><span>60.0 %</span>" in html
    assert "<dd>9.1 MB</dd>" in html
    assert "<dd>2.3 ms</dd>" in html
    assert "71.3 %" in html
    assert "2,665 of 3,738<" in html


def test_eoq_shows_a_chip_a_member_and_marks_who_dissents():
    html = figures.results([prediction("eoq", DOG, (DOG, DOG, HORSE))])
    assert re.findall(r'<li class="(agrees|dissents)">', html) == ["agrees", "agrees", "dissents"]
    assert re.findall(r'class="sure">([\d.]+) %', html) == ["90.0", "90.0", "60.0"]
    assert "3 networks of 7 bits" in html
    assert "7.1 × 3" in html


def test_names_from_checkpoints_cannot_inject_markup():
    target = Target("x/y", "x", "<img src=x>", ("<b>a</b>",), CLASSES)
    assert "<img" not in figures.head(target)
    assert "<b>a" not in figures.head(target)
    assert "<script" not in figures.notices(["<script>alert(1)</script>"])
