"""Every method's accuracies on the held-out domains: of the networks at hand, and of measured runs
whose networks are not on the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from qtdog.explorer.lessons import Lesson
from qtdog.method_names import quantizer_suffix
from qtdog.results import MeasuredResult, main_setting

METHODS = {
    "erm": "ERM",
    "freeze": "Freeze",
    "qt-dog": "QT-DoG",
    "erm-ensemble": "ERM ensemble",
    "eoq": "EoQ",
}
"""By the key of its style, a method's name in the results."""
ENSEMBLES = ("erm-ensemble", "eoq")


@dataclass(frozen=True)
class Standing:
    """One method on one held-out domain."""

    method: str
    """A key of METHODS."""
    domain: str
    accuracies: tuple[float, ...]
    """Percent, one a seed; of an ensemble one."""

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return sum(self.accuracies) / len(self.accuracies)


class Standings(tuple[Standing, ...]):
    """All of them, by method in the order of METHODS."""

    def of(self, method: str, domain: str) -> Standing | None:
        """None where it was not measured."""
        return next((one for one in self if (one.method, one.domain) == (method, domain)), None)

    def gaps(self, method: str, other: str = "erm") -> dict[str, float]:
        """By domain where both were measured: `method`'s mean minus the other's, in points."""
        return {
            one.domain: one.mean - beside.mean
            for one in self
            if one.method == method and (beside := self.of(other, one.domain))
        }


def standings(lesson: Lesson, measured: Sequence[MeasuredResult] = ()) -> Standings:
    """Of the lesson's networks, and of measured runs like them (same data set, backbone, width and
    quantizer, the setting measured most often) with other seeds, and controls."""
    alike = [one for one in measured if _like(lesson, one)]
    found = []
    for method, plain_name in METHODS.items():
        networks = [one for one in lesson.all if one.method == method]
        first = networks[0] if networks else None
        suffix = quantizer_suffix(method, first.quantizer, first.refitted) if first else ""
        name = plain_name + suffix
        like = networks or lesson.all  # a method that is not on the page: as those that are
        averaged = bool(like) and all(one.averaged for one in like)
        runs = main_setting(alike, name, averaged)
        for domain in lesson.domains:
            by_seed = {one.measurement.seed: one.accuracy for one in runs if one.domain == domain}
            for one in networks:
                if one.domain == domain:
                    by_seed[one.seed] = 100 * one.target.fraction
            if by_seed:
                seeds = sorted(by_seed, key=lambda seed: -1 if seed is None else seed)
                found.append(Standing(method, domain, tuple(by_seed[seed] for seed in seeds)))
    return Standings(found)


def _like(lesson: Lesson, one: MeasuredResult) -> bool:
    """Whether a measured number is of the lesson's data set, backbone, width and domains."""
    widths = {network.bits for network in lesson.all} - {32}
    return (
        one.dataset.lower() == lesson.target.dataset.lower()
        and _plain(one.backbone) == _plain(lesson.architecture)
        and one.split == "target"
        and one.domain in lesson.domains
        and (one.bits is None or one.bits in widths)
    )


def _plain(backbone: str) -> str:
    """ "MobileNetV2" and "mobilenet_v2" alike."""
    return "".join(letter for letter in backbone.lower() if letter.isalnum())
