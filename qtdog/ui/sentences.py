"""What happened, in words: sentences computed from the predictions."""

import math
from collections import Counter
from collections.abc import Sequence

from qtdog.explorer import SOURCE, TARGET, Flagged, Prediction

MEGABYTE = 1e6  # bytes
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def summary(predictions: Sequence[Prediction]) -> str:
    """Who says what, and who is surest: "All three say dog; EoQ is surest (93 %)."."""
    surest = max(predictions, key=lambda one: one.confidence)
    most = percent(surest.confidence)
    as_sure = [one.model for one in predictions if percent(one.confidence) == most]
    if len(as_sure) == len(predictions):
        sure = f"each is {most} sure"
    else:
        sure = f"{listed(as_sure)} {'is' if len(as_sure) == 1 else 'are'} surest ({most})"
    by_label: dict[str, list[str]] = {}
    for one in predictions:
        by_label.setdefault(one.label, []).append(one.model)
    if len(predictions) == 1:
        return f"{surest.model} says {surest.label} ({most})."
    if len(by_label) == 1:
        return f"{_everybody(len(predictions))} say {surest.label}; {sure}."
    camps = [
        f"{listed(models)} {'says' if len(models) == 1 else 'say'} {label}"
        for label, models in by_label.items()
    ]
    return f"They disagree: {'; '.join(camps)}. {sure[0].upper()}{sure[1:]}."


def votes(prediction: Prediction) -> str:
    """What EoQ's members say: "Two of EoQ's five members say horse." Empty without members."""
    if not prediction.members:
        return ""
    count = number(len(prediction.members))
    other = Counter(member_labels(prediction))
    agreeing = other.pop(prediction.label, 0)
    if not other:
        return f"EoQ's {count} members all say {prediction.label}."
    said = listed([f"{number(n)} {_verb(n)} {label}" for label, n in other.most_common()])
    if agreeing == 0:
        return (
            f"None of EoQ's {count} members says {prediction.label} by itself: {said}; the mean of "
            "their logits decides."
        )
    agreed = f"{number(agreeing)} {_verb(agreeing)} {prediction.label}"
    return f"Of EoQ's {count} members, {agreed}, {said}."


def truth(predictions: Sequence[Prediction], label: str) -> str:
    """Who is right about a picture whose class is known."""
    right = [one.model for one in predictions if one.label == label]
    if not right:
        said = "None is right."
    elif len(right) == len(predictions) > 1:
        said = f"{_everybody(len(right))} are right."
    else:
        wrong = [one.model for one in predictions if one.label != label]
        others = f", {listed(wrong)} {'is' if len(wrong) == 1 else 'are'} wrong" if wrong else ""
        said = f"{listed(right)} {'is' if len(right) == 1 else 'are'} right{others}."
    return f"The picture's class is {label}. {said}"


def uncertainty(prediction: Prediction) -> tuple[str, str]:
    """The entropy in bits, and as a share of a guess's: ("0.42 bits", "15 % of a guess")."""
    share = prediction.entropy / math.log(len(prediction.classes))
    return bits(prediction.entropy), f"{percent(share)} of a guess"


def disagreement(prediction: Prediction) -> str:
    """How far EoQ's members are apart: how many dissent, and the mutual information. Empty
    without members."""
    if prediction.disagreement is None:
        return ""
    labels = member_labels(prediction)
    dissenting = sum(label != prediction.label for label in labels)
    count = len(labels)
    most = math.log(min(count, len(prediction.classes)))
    some = number(dissenting).capitalize() if dissenting else "None"
    verb = "dissents" if dissenting < 2 else "dissent"
    who = f"{some} of the {number(count)} members {verb}"
    return (
        f"{who} from EoQ's answer. Their disagreement is {bits(prediction.disagreement)}: "
        f"0 if all give the same probabilities, {bits(most)} if each is certain of another class."
    )


def unfamiliar(predictions: Sequence[Prediction]) -> str:
    """Who finds the picture unlike its classes, and how often that is wrong. Empty for nobody."""
    hints = [(one.model, one.hint) for one in predictions if one.hint and one.hint.unfamiliar]
    if not hints:
        return ""
    who = listed([model for model, _ in hints])
    verb, they = ("finds", "it") if len(hints) == 1 else ("find", "they")
    count = number(len(predictions[0].classes))
    wrong = [
        f"{shares} of {what}"
        for images, what in (
            (SOURCE, "pictures of the learned domains"),
            (TARGET, "those of the held-out domain"),
        )
        if (shares := _shares([found for _, hint in hints if (found := hint.on(images))]))
    ]
    often = f" This hint comes wrongly for {' and '.join(wrong)}." if wrong else ""
    return (
        f"{who} {verb} the picture unlike what {they} learned: perhaps it shows none of the "
        f"{count} classes.{often}"
    )


def bits(nats: float) -> str:
    """ "0.42 bits" of a quantity in nats."""
    return f"{nats / math.log(2):.2f} bits"


def plain(name: str) -> str:
    """A folder's name as words: "art_painting" -> "art painting"."""
    return name.replace("_", " ")


def dataset_name(dataset: str) -> str:
    """A data set as readers know it: "PACS", "office caltech"."""
    return dataset.upper() if len(dataset) <= 5 else plain(dataset)


def domain_name(key: str) -> str:
    """ "art painting (PACS)" of a held-out domain's key, "pacs/art_painting"."""
    dataset, _, domain = key.partition("/")
    return f"{plain(domain)} ({dataset_name(dataset)})"


def member_labels(prediction: Prediction) -> list[str]:
    """Each member's class."""
    return [prediction.classes[member.index(max(member))] for member in prediction.members]


def percent(fraction: float) -> str:
    """ "93 %"; near the ends as `tenths`, so that one number reads the same wherever it stands."""
    if 0.995 <= fraction < 1 or 0 < fraction < 0.005:
        return tenths(fraction)
    return f"{fraction * 100:.0f} %"


def tenths(fraction: float) -> str:
    """ "93.4 %"; never 100 % or 0 % for what is only nearly so."""
    if 0.9995 <= fraction < 1:
        return ">99.9 %"
    if 0 < fraction < 0.0005:
        return "<0.1 %"
    return f"{fraction * 100:.1f} %"


def megabytes(size_bytes: float) -> str:
    """ "2.07 MB", "10.35 MB": the same network has the same size wherever it stands."""
    return f"{size_bytes / MEGABYTE:.2f} MB"


def minus(number: str) -> str:
    """A formatted number with a minus sign for its hyphen."""
    return number.replace("-", "\N{MINUS SIGN}")


def number(count: int) -> str:
    """A small number in words."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def listed(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _shares(flagged: Sequence[Flagged]) -> str:
    """ "4.9 %", or "6.5 to 12.5 %" where models differ; empty for none."""
    shares = sorted({f"{one.share * 100:.1f}" for one in flagged}, key=float)
    return f"{' to '.join(dict.fromkeys((shares[0], shares[-1])))} %" if shares else ""


def _verb(count: int) -> str:
    return "says" if count == 1 else "say"


def _everybody(count: int) -> str:
    return "Both" if count == 2 else f"All {number(count)}"
