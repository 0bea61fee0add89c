"""What "Learn" tells of the networks at hand: accuracies, sizes and training curves, as records."""

from dataclasses import dataclass
from pathlib import Path

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import LOG, StoredCheckpoint, Target, averaged_side_by_side
from qtdog.csv_file import CsvError, read_lines
from qtdog.explorer.explorer import Explorer

CURVE_COLUMNS = ("step", "quantized", "source_validation", "target")
"""Of log.csv, those that are drawn; of averaged weights, the same with "averaged_" before."""


@dataclass(frozen=True)
class CurvePoint:
    """One evaluation during training. Accuracies are fractions."""

    step: int
    quantized: bool
    source_validation: float
    """Mean over the source domains."""
    target: float
    """On a sample of the held-out domain's images; it chose nothing."""


@dataclass(frozen=True)
class ComparedNetwork:
    """A checkpoint, as far as the lesson needs it."""

    name: str
    method: str
    """ "erm", "qt-dog" or "eoq"."""
    bits: int
    averaged: bool
    """Whether its weights are the mean of those since the quantization step."""
    domain: str
    """The held-out one."""
    seed: int | None
    source_validation: float | None
    """Mean over the source domains, a fraction; None for EoQ, whose members have one each."""
    target: Accuracy
    file_bytes: int
    """Of model.safetensors; of EoQ, all its members'."""
    steps: int | None
    quantize_step: int | None
    curve: tuple[CurvePoint, ...]
    """Empty where the checkpoint has no log."""
    quantizer: str | None = None
    """Its name; None in full precision."""
    refitted: bool = False
    """Whether step sizes were fitted anew to averaged weights, instead of being means."""


@dataclass(frozen=True)
class Lesson:
    """The networks that are compared: of one bit width, EoQ's or QT-DoG's."""

    target: Target
    """The held-out domain that the lesson is about."""
    all: tuple[ComparedNetwork, ...]
    """Of every held-out domain of its data set."""
    architecture: str
    image_size: int
    """In pixels."""

    def of(self, method: str, domain: str | None = None) -> tuple[ComparedNetwork, ...]:
        """A method's networks for a held-out domain, by default the lesson's, in seed order."""
        chosen = domain or self.target.domain
        return tuple(one for one in self.all if one.method == method and one.domain == chosen)

    @property
    def domains(self) -> tuple[str, ...]:
        """The held-out domains, the lesson's own first."""
        own = self.target.domain
        return (own, *sorted({one.domain for one in self.all} - {own}))


def lesson(explorer: Explorer, key: str | None = None) -> Lesson:
    """Gather it for the held-out domain of that key, by default for the first one. Raises
    ValueError for an unknown one."""
    targets = explorer.targets()  # those with all three methods come first
    target = explorer.target(key) if key else targets[0]
    same = [one for one in targets if one.dataset == target.dataset]
    found = tuple(network for one in same for network in _compared(explorer.checkpoints(one.key)))
    config = explorer.shown(target.key)[0].config
    return Lesson(target, found, config.architecture, config.image_size)


def read_curve(folder: Path, averaged: bool = False) -> tuple[CurvePoint, ...]:
    """A checkpoint's log.csv; empty where there is none or it is not one. With `averaged`, of the
    averaged weights from where there are any."""
    try:
        return tuple(
            CurvePoint(
                line.whole("step"),
                line.values["quantized"] == "True",
                line.number_of(f"{kind}source_validation"),
                line.number_of(f"{kind}target"),
            )
            for line in read_lines(folder / LOG, CURVE_COLUMNS)
            for kind in ["averaged_" if averaged and line.values["averaged_target"] else ""]
        )
    except (CsvError, KeyError):  # KeyError: a log from before there were averaged weights
        return ()


def _compared(stored: tuple[StoredCheckpoint, ...]) -> list[ComparedNetwork]:
    """Full precision, and the quantized ones of EoQ's width (else of the widest QT-DoG); averaged
    where those side by side are, or where there are no others of the method. Those with another DG
    method, or with INQ, only where there are no others at all."""
    stored = tuple(one for one in stored if not one.config.added_methods) or stored
    stored = tuple(one for one in stored if one.config.quantizer != "inq") or stored
    kinds = {(one.config.method, one.config.averaged) for one in stored}
    averaged = averaged_side_by_side(kinds)
    plain = [
        one
        for one in stored
        if one.config.averaged == averaged or (one.config.method, averaged) not in kinds
    ]
    widths = [one.config.bits for one in plain if one.config.method == "eoq"]
    widths = widths or [one.config.bits for one in plain if one.config.method == "qt-dog"]
    width = max(widths, default=None)
    sizes = {
        one.name: sum(file.size_bytes for file in one.config.files)
        for one in plain
        if one.config.method != "eoq"
    }
    chosen = [
        one
        for one in plain
        if one.config.method == "erm"
        or (one.config.method in ("qt-dog", "eoq") and one.config.bits == width)
    ]
    networks = [_network(one, sizes) for one in chosen]
    return sorted(networks, key=lambda one: (one.seed or 0, one.name))


def _network(stored: StoredCheckpoint, sizes: dict[str, int]) -> ComparedNetwork:
    config, training = stored.config, stored.config.training
    source = [one.fraction for one in config.source_validation]
    members = [Path(file.path).parent.name for file in config.files]
    return ComparedNetwork(
        name=stored.name,
        method=config.method,
        bits=config.bits,
        averaged=config.averaged,
        domain=config.target_domain,
        seed=training.seed if training else None,
        source_validation=sum(source) / len(source) if source else None,
        target=config.target,
        file_bytes=(
            sum(sizes.get(member, 0) for member in members)
            if config.method == "eoq"
            else sizes[stored.name]
        ),
        steps=training.steps if training else None,
        quantize_step=training.quantize_step if training else None,
        curve=read_curve(stored.folder, config.averaged),
        quantizer=config.quantizer,
        refitted=config.refitted,
    )
