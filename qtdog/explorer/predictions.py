"""What models make of a picture: the records that the explorer answers with."""

import math
from dataclasses import dataclass

import numpy as np

from qtdog.accuracy import Accuracy
from qtdog.explorer.unfamiliar import Flagged


@dataclass(frozen=True)
class Hint:
    """Whether a picture looks like none of the known classes (see `qtdog.explorer.unfamiliar`)."""

    unfamiliar: bool
    energies: tuple[float, ...]
    """Of each network, in logits."""
    thresholds: tuple[float, ...]
    """A network that is above its own finds the picture unfamiliar; more than half decide."""
    flagged: tuple[Flagged, ...]
    """How often this checkpoint's hint comes, measured."""

    def on(self, images: str) -> Flagged | None:
        """How often it comes on these images; None where it was not measured."""
        return next((one for one in self.flagged if one.images == images), None)


@dataclass(frozen=True)
class Prediction:
    """What one model makes of one image. Probabilities are in the order of `classes`."""

    model: str
    """"Full precision", "QT-DoG" or "EoQ"."""
    method: str
    """"erm", "qt-dog" or "eoq"."""
    bits: int
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    members: tuple[tuple[float, ...], ...]
    """EoQ's members' probabilities; empty for a single model."""
    entropy: float
    """Of the probabilities, in nats: 0 is certain, log(classes) is a guess."""
    size_bytes: int
    """The weights' files on disk."""
    bits_per_weight: float
    milliseconds: float
    """The forward pass or passes, divided by the number of images in them."""
    measured: Accuracy
    """On all images of the held-out domain, from the checkpoint's config."""
    hint: Hint | None = None
    """None where the checkpoint has no threshold."""
    averaged: bool = False
    """Whether the weights, of EoQ the members', are means over steps."""

    @property
    def label(self) -> str:
        """The class with the highest probability."""
        return self.classes[self.probabilities.index(max(self.probabilities))]

    @property
    def confidence(self) -> float:
        """That class's probability."""
        return max(self.probabilities)

    @property
    def disagreement(self) -> float | None:
        """Of the members, in nats; None for a single model. 0: all give the same probabilities;
        log(members) at most: each is certain of another class.

        The mutual information between the class and the member that is asked, H(mean of p) - mean
        of H(p), as in Depeweg et al., Decomposition of Uncertainty in Bayesian Deep Learning,
        ICML 2018, with the members as samples. The mean is of probabilities here, as information
        needs it, and not of logits, by which EoQ answers.
        """
        if not self.members:
            return None
        count = len(self.members)
        mixture = [sum(column) / count for column in zip(*self.members, strict=True)]
        return max(0.0, _entropy(mixture) - sum(map(_entropy, self.members)) / count)


@dataclass(frozen=True)
class Explanation:
    """Where one model looks for one class, see `qtdog.explorer.explain.grad_cam`."""

    model: str
    method: str
    label: str
    """The class that is explained."""
    heat: tuple[tuple[float, ...], ...]
    """Rows from top to bottom, 0..1, the hottest place 1; all 0 where nothing speaks for it."""


def _entropy(probabilities: tuple[float, ...] | list[float]) -> float:
    """In nats."""
    return -sum(p * math.log(p) for p in probabilities if p)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis: (..., classes) -> the same."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
