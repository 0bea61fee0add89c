"""Which checkpoints are at hand for each held-out domain, and which of them are shown."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from qtdog import checkpoints
from qtdog.checkpoints.alike import averaged_side_by_side
from qtdog.checkpoints.config import CheckpointConfig, CheckpointError

CHECKPOINT_NAMES = {
    "erm": "Full precision",
    "qt-dog": "QT-DoG",
    "freeze": "Quantized, then frozen",
    "noise": "Full precision, noise of one step size",
    "eoq": "EoQ",
}
"""What a stored checkpoint of each method is called, on pages and cards, in the order of lists."""
MODEL_NAMES = {method: CHECKPOINT_NAMES[method] for method in ("erm", "qt-dog", "eoq")}
"""Of those that are shown side by side."""
PAPER_BITS = 7  # of the checkpoints that are shown side by side, if there are several widths
OPENING_DOMAIN = "sketch"  # our first sample pictures are drawn, and the models disagree about them


@dataclass(frozen=True)
class Target:
    """A held-out domain that can be chosen. `key` is "dataset/domain"."""

    key: str
    dataset: str
    domain: str
    source_domains: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint on disk, not loaded: `qtdog.checkpoints.folder.load(folder)` does that."""

    name: str
    folder: Path
    config: CheckpointConfig


@dataclass
class _Stored:
    """What is on disk for one target: all of it, and the folder to show for each method."""

    target: Target
    all: list[StoredCheckpoint] = field(default_factory=list)

    def shown(self) -> dict[str, StoredCheckpoint]:
        """By method: without another DG method rather than with one, LSQ rather than INQ, averaged
        if EoQ's members are (see `averaged_side_by_side`), EoQ's bit width or else the paper's,
        then by name."""
        chosen: dict[str, StoredCheckpoint] = {}
        averaged = averaged_side_by_side(
            (one.config.method, one.config.averaged) for one in self.all
        )
        widths = [one.config.bits for one in self.all if one.config.method == "eoq"]
        width = min(widths, key=_from_paper, default=PAPER_BITS)
        preferred = sorted(
            self.all,
            key=lambda one: (
                len(one.config.added_methods),
                one.config.quantizer == "inq",
                one.config.averaged != averaged,
                abs(one.config.bits - width),
                one.name,
            ),
        )
        for one in preferred:
            if one.config.method in MODEL_NAMES:
                chosen.setdefault(one.config.method, one)
        return chosen

    def lowest(self) -> float:
        """The lowest accuracy on the target among those shown, 0..1."""
        return min(one.config.target.fraction for one in self.shown().values())


def _from_paper(bits: int) -> int:
    return abs(bits - PAPER_BITS)


class Catalogue:
    """The checkpoints of a folder `root`/<dataset>/<target>/<checkpoint>/; their configs are read,
    their weights are not.

    Raises CheckpointError when none of them can be shown. What could not be used is kept as
    `problems`, one sentence each, in order.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()  # as messages about its graphs name it
        self._stored: dict[str, _Stored] = {}
        self._problems: dict[str, None] = {}  # each once however often it is met
        for folder in checkpoints.find(self.root):
            self._add(folder)
        self._stored = {key: one for key, one in self._stored.items() if one.shown()}
        if not self._stored:
            reason = next(iter(self._problems), "None is full precision, QT-DoG or EoQ.")
            raise CheckpointError(f"No checkpoint in {root} can be shown: {reason}")

    @property
    def problems(self) -> list[str]:
        """One sentence for every file that could not be used; paths are relative to `root`."""
        return list(self._problems)

    def note(self, problem: object) -> str:
        """Keep a problem, and return its sentence."""
        text = self.without_root(problem)
        self._problems[text] = None
        return text

    def without_root(self, problem: object) -> str:
        """A message for the page, which shows no path of this machine but those below `root`."""
        return str(problem).replace(f"{self.root}{os.sep}", "")

    def targets(self) -> tuple[Target, ...]:
        """What can be chosen: targets with all methods first, of those `OPENING_DOMAIN`, then the
        domain that its models find hardest, the one with the lowest measured accuracy among the
        models to show."""

        def place(one: _Stored) -> tuple:
            not_first = one.target.domain != OPENING_DOMAIN
            return -len(one.shown()), not_first, one.lowest(), one.target.key

        return tuple(one.target for one in sorted(self._stored.values(), key=place))

    def checkpoints(self, target: str) -> tuple[StoredCheckpoint, ...]:
        """All checkpoints of a target, by name, those included that are not shown side by side:
        other seeds and bit widths, averaged ones. Raises ValueError for an unknown target."""
        return tuple(sorted(self._of(target).all, key=lambda one: one.name))

    def shown(self, target: str) -> tuple[StoredCheckpoint, ...]:
        """The checkpoints of a target that are shown side by side, one a method. Raises ValueError
        for an unknown target."""
        return tuple(self._of(target).shown().values())

    def target(self, key: str) -> Target:
        """The target of that key. Raises ValueError for an unknown one."""
        return self._of(key).target

    def _of(self, target: str) -> _Stored:
        if target not in self._stored:
            known = ", ".join(sorted(self._stored))
            raise ValueError(f"There are no models for '{target}'. There are: {known}.")
        return self._stored[target]

    def _add(self, folder: Path) -> None:
        try:
            config = checkpoints.load_config(folder)
        except CheckpointError as error:
            self.note(error)
            return
        key = f"{config.dataset}/{config.target_domain}"
        target = Target(
            key, config.dataset, config.target_domain, config.source_domains, config.classes
        )
        stored = self._stored.setdefault(key, _Stored(target))
        if stored.target.classes != config.classes:
            self.note(f"{folder} has other classes than the first checkpoint of {key}.")
            return
        stored.all.append(StoredCheckpoint(folder.name, folder, config))
