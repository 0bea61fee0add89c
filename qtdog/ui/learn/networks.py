"""How "Learn" speaks of a network and of its accuracy."""

from qtdog.explorer import ComparedNetwork, Lesson
from qtdog.ui.learn.words import ORDINALS, Texts


def singles(lesson: Lesson) -> tuple[ComparedNetwork, ...]:
    """The networks that are no ensemble."""
    return (*lesson.of("erm"), *lesson.of("qt-dog"))


def method_name(texts: Texts, network: ComparedNetwork) -> str:
    """What a network that is no ensemble is called in a sentence."""
    return texts.words["full_precision" if network.method == "erm" else "qt_dog"].plain()


def accuracy(texts: Texts, network: ComparedNetwork) -> str:
    """ "71.8 % (2,821 of 3,929)", on the held-out domain."""
    one = network.target
    return texts.words["accuracy"].plain(
        percent=percent(one.fraction), right=f"{one.correct:,}", total=f"{one.total:,}"
    )


def percent(fraction: float) -> str:
    """ "71.8 %"."""
    return f"{fraction * 100:.1f} %"


def ordinal(texts: Texts, place: int) -> str:
    """ "first" for place 0."""
    if place < len(ORDINALS):
        return texts.words[ORDINALS[place]].plain()
    return texts.words["later"].plain(place=place + 1)
