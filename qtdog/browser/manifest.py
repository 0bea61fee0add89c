"""What the explorer without a server reads first: its models, graphs, pictures, words and files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from qtdog import checkpoints
from qtdog.browser.schema import SiteFormats
from qtdog.checkpoints import (
    MODEL_NAMES,
    CheckpointConfig,
    FileHash,
    StoredCheckpoint,
    Target,
)
from qtdog.explorer import Explorer, Flagged
from qtdog.inference import GraphFacts, PlacedWeight
from qtdog.json_file import FileFormat
from qtdog.places import SAMPLES
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.quantize import words
from qtdog.ui.samples import known_to, samples
from qtdog.ui.weights import words as comparing

MANIFEST, SERVICE_WORKER = "manifest.json", "service-worker.js"
FORMAT = FileFormat("qtdog-site", 1, "manifest", "the manifest of an explorer", "a folder")
SHOWN = ("erm", "qt-dog", "eoq")


@dataclass(frozen=True)
class SiteModel:
    """A checkpoint that answers beside others of its target."""

    method: str
    path: str
    """ "dataset/target/checkpoint" in the set."""
    thresholds: tuple[float, ...]
    """Of each network's energy, in logits; none where they were not measured."""
    flagged: tuple[Flagged, ...]


@dataclass(frozen=True)
class TrainedWidth:
    """QT-DoG of the reference's run, trained at that many bits."""

    bits: int
    path: str


@dataclass(frozen=True)
class SiteNetwork:
    """A single network whose weights can be compared with another's."""

    path: str
    method: str
    """Of which it has its colour; "other" for one without."""
    kind: str
    """All of its name but the seed."""
    seed: str
    """ "seed 0"; empty where it is not known."""


@dataclass(frozen=True)
class SiteTarget:
    """A held-out domain that can be chosen."""

    key: str
    dataset: str
    domain: str
    source_domains: tuple[str, ...]
    classes: tuple[str, ...]
    models: tuple[SiteModel, ...]
    trained: tuple[TrainedWidth, ...]
    networks: tuple[SiteNetwork, ...]


@dataclass(frozen=True)
class SiteGraph:
    """A network's graph for a number of classes, see `qtdog.inference.PlacedGraph`."""

    file: FileHash
    classes: int
    has_features: bool
    facts: GraphFacts
    weights: tuple[PlacedWeight, ...]
    numbers: int


@dataclass(frozen=True)
class SiteSample:
    """One of our pictures."""

    name: str
    file: str
    label: str
    title: str
    alt: str
    domain: str


@dataclass(frozen=True)
class SiteMethod:
    """How a method is called and marked."""

    name: str
    marker: str


ROUNDED = words.METHOD_WORDS["post-training"].capitalize()
METHODS = {
    method: SiteMethod(name, METHOD_STYLES[method].marker)
    for method, name in {**MODEL_NAMES, "post-training": ROUNDED}.items()
}


@dataclass(frozen=True)
class SiteShifts:
    """The random numbers that shifts share, see `qtdog.explorer.grains` and `tiles`."""

    grains: FileHash
    """A file of little-endian float32."""
    tiles: tuple[int, ...]


@dataclass(frozen=True)
class Manifest:
    """All of it."""

    targets: tuple[SiteTarget, ...]
    graphs: tuple[SiteGraph, ...]
    samples: tuple[SiteSample, ...]
    index: FileHash
    """Of the checkpoint set, by its path from the folder."""
    formats: SiteFormats
    shifts: SiteShifts
    methods: dict[str, SiteMethod]
    files: tuple[FileHash, ...] = field(default=())
    """What the page needs besides, by paths from the folder."""


def site_targets(explorer: Explorer) -> tuple[SiteTarget, ...]:
    """The explorer's targets, in the page's order."""
    return tuple(_target(explorer, target) for target in explorer.targets())


def site_samples(folder: str, targets: Sequence[SiteTarget]) -> tuple[SiteSample, ...]:
    """Our pictures of what the targets' networks know, which lie in `folder`."""
    classes = [label for target in targets for label in target.classes]
    return tuple(
        SiteSample(
            one.name,
            f"{folder}/{one.path.relative_to(SAMPLES).as_posix()}",
            one.label,
            one.title,
            one.alt,
            one.domain,
        )
        for one in known_to(samples(), classes)
    )


def paths_needed(explorer: Explorer, targets: tuple[SiteTarget, ...]) -> list[str]:
    """The checkpoints that the targets name, members included, each once."""
    paths: dict[str, None] = {}
    for target in targets:
        for path in (*(one.path for one in target.models), *(one.path for one in target.trained)):
            paths |= dict.fromkeys([path, *members(path, _config(explorer, path))])
    return sorted(paths)


def members(path: str, config: CheckpointConfig) -> tuple[str, ...]:
    """The paths of an ensemble's members in the set; none of a single network's."""
    if config.method != "eoq":
        return ()
    own = PurePosixPath(path)
    found = []
    for file in config.files:
        folder = PurePosixPath(file.path).parent
        parts = folder.parts
        place = own.parent.joinpath(*parts[1:]) if parts[:1] == ("..",) else own / folder
        found.append(place.as_posix())
    return tuple(found)


def _target(explorer: Explorer, target: Target) -> SiteTarget:
    shown = {one.config.method: one for one in explorer.shown(target.key)}
    models: list[SiteModel] = []
    for method in SHOWN:
        if method not in shown and not (method == "qt-dog" and "eoq" in shown):
            continue
        path = _path(explorer, shown[method]) if method in shown else ""
        if method == "qt-dog" and "eoq" in shown:  # what is shown is EoQ's first member
            path = members(_path(explorer, shown["eoq"]), shown["eoq"].config)[0]
        models.append(_model(explorer, method, path))
    trained = _trained(explorer, target.key, shown["erm"]) if "erm" in shown else ()
    return SiteTarget(
        target.key,
        target.dataset,
        target.domain,
        target.source_domains,
        target.classes,
        tuple(models),
        trained,
        _networks(explorer, [*(one.path for one in models), *(one.path for one in trained)]),
    )


def _networks(explorer: Explorer, paths: Sequence[str]) -> tuple[SiteNetwork, ...]:
    """The single networks at these paths, an ensemble's members one by one."""
    singles: dict[str, None] = {}
    for path in paths:
        singles |= dict.fromkeys(members(path, _config(explorer, path)) or (path,))
    configs = {path: _config(explorer, path) for path in singles}
    return tuple(
        SiteNetwork(
            path,
            config.method if config.method in METHOD_STYLES else "other",
            comparing.kind(config),
            comparing.seed(config),
        )
        for path, config in configs.items()
    )


def _model(explorer: Explorer, method: str, path: str) -> SiteModel:
    singles = members(path, _config(explorer, path)) or (path,)
    hashes = [_config(explorer, one).files[0].sha256 for one in singles]
    thresholds, flagged = explorer.hint_of(hashes)
    return SiteModel(method, path, thresholds, flagged)


def _trained(explorer: Explorer, key: str, reference: StoredCheckpoint) -> tuple[TrainedWidth, ...]:
    """As `qtdog.explorer.Lab` chooses: the same seed, evenly spaced levels, one step a channel."""
    found: dict[int, str] = {}
    own = reference.config.training
    for one in explorer.checkpoints(key):
        config = one.config
        same_run = own and config.training and config.training.seed == own.seed
        alike = not set(checkpoints.differing_fields(config, reference.config)) - {
            *("bits", "quantizer", "averaged"),
        }
        uniform = config.quantizer != "inq" and config.granularity == "channel"
        if config.method == "qt-dog" and same_run and alike and uniform:
            found.setdefault(config.bits, _path(explorer, one))
    return tuple(TrainedWidth(bits, found[bits]) for bits in sorted(found, reverse=True))


def _path(explorer: Explorer, one: StoredCheckpoint) -> str:
    return one.folder.relative_to(explorer.root).as_posix()


def _config(explorer: Explorer, path: str) -> CheckpointConfig:
    return checkpoints.load_config(explorer.root / Path(path))
