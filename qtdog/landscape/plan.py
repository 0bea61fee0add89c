"""What `python -m qtdog landscape` measures for which checkpoints, as a list of jobs."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path

import numpy as np

from qtdog import data
from qtdog.checkpoints import FULL_PRECISION_BITS
from qtdog.data import Domain, DomainDataset
from qtdog.evaluation import require_training_data
from qtdog.landscape.curvature import LANCZOS_STEPS, hessian_product, measure
from qtdog.landscape.directions import DIRECTION_KINDS, DirectionKind
from qtdog.landscape.flatness import flatness_survey
from qtdog.landscape.images import IMAGE_SETS, sample
from qtdog.landscape.measured_networks import EOQ, Subject, provenance, same_trunk
from qtdog.landscape.meter import LossMeter
from qtdog.landscape.records import (
    Curvature,
    FlatnessCurve,
    ImageSample,
    Provenance,
    Record,
)
from qtdog.landscape.space import WeightPoint
from qtdog.landscape.surfaces import interpolation, random_plane, three_model_plane
from qtdog.landscape.survey import Survey, run
from qtdog.landscape.temperature import temperature_of
from qtdog.landscape.trajectories import read_way, trajectories

MEASUREMENTS = ("flatness", "plane", "three-models", "interpolation", "curvature")
ON_REQUEST = ("trajectories",)
"""Those that need what training keeps only when asked to."""
OF_ENSEMBLES = ("plane",)
ROUNDED_MEASUREMENTS = ("flatness", "plane")
"""Those that can be measured with the weights rounded again after every move."""
# A product with the Hessian takes about as long as this many forward passes.
FORWARDS_A_PRODUCT = 16
# How far the line through two networks goes on beyond them.
LINE_FROM, LINE_TO = -0.5, 1.5

# Relative to the filters' norms, and lengths of the whole vector of weights and biases.
RADII: dict[DirectionKind, tuple[float, ...]] = {
    "filter": (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2),
    "whole": (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0),
}

LossProgress = Callable[[int], None]
"""Called with the work done so far, in images passed through a network."""


@dataclass(frozen=True)
class Settings:
    """What is measured, and how much of it."""

    kinds: tuple[str, ...] = MEASUREMENTS
    image_sets: tuple[str, ...] = IMAGE_SETS
    direction_kinds: tuple[DirectionKind, ...] = DIRECTION_KINDS
    directions: int = 30
    images: int = 256
    grid: int = 21
    plane_radius: float = 0.2
    plane_images: int = 128
    line_points: int = 31
    probes: int = 30
    curvature_images: int = 32
    round_again: bool = False
    """Only quantized networks, by themselves, their weights rounded again after every move."""
    seed: int = 0
    snapshots: Path = Path("runs")
    """Training's folder of runs, with the snapshots of trajectories."""

    def __post_init__(self) -> None:
        for name, known in (
            ("kinds", (*MEASUREMENTS, *ON_REQUEST)),
            ("image_sets", IMAGE_SETS),
            ("direction_kinds", DIRECTION_KINDS),
        ):
            if unknown := [one for one in getattr(self, name) if one not in known]:
                raise ValueError(f"'{unknown[0]}' is unknown: choose among {', '.join(known)}.")
        if min(self.directions, self.images, self.plane_images, self.line_points) < 1:
            raise ValueError("There must be at least one direction, image and point.")
        if self.grid < 3 or self.grid % 2 == 0:
            raise ValueError("A plane needs an odd number of points a side, 3 or more.")


@dataclass(frozen=True)
class Inputs:
    """Images of a target's landscapes, and how they enter its networks."""

    images: Domain
    record: ImageSample
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class SurveyJob:
    """Points to measure on some images."""

    survey: Survey
    network: WeightPoint
    inputs: Inputs
    temperature: Callable[[], float] | None = None
    """Of flatness: fits the network's, which takes a pass over source validation."""

    @property
    def record(self) -> Record:
        """What is to be filled."""
        return self.survey.record

    @property
    def work(self) -> int:
        """Images to pass through a network."""
        return len(self.survey.points) * len(self.inputs.images)

    def measure(self, journal: Path, progress: LossProgress) -> Record:
        """The whole record; with what `journal` holds of an interrupted run taken over."""
        images, inputs = self.inputs.images, self.inputs
        temperature = self.temperature() if self.temperature else None
        with LossMeter(
            self.network, images.images, images.labels, inputs.mean, inputs.std, temperature
        ) as meter:
            found = run(self.survey, meter, journal, lambda done: progress(done * len(images)))
        if isinstance(found, FlatnessCurve):
            return dataclasses.replace(found, temperature=temperature)
        return found


@dataclass(frozen=True)
class CurvatureJob:
    """The curvature of one network on some images. It is measured in one go."""

    record: Curvature
    probes: int
    network: WeightPoint
    inputs: Inputs

    @property
    def work(self) -> int:
        """About as many images pass through a network in the same time."""
        products = LANCZOS_STEPS + self.probes
        return products * FORWARDS_A_PRODUCT * len(self.inputs.images)

    def measure(self, journal: Path, progress: LossProgress) -> Record:
        """The whole record. `journal` is not needed."""
        images, one = self.inputs.images, FORWARDS_A_PRODUCT * len(self.inputs.images)
        product = hessian_product(
            self.network,
            images.images,
            images.labels,
            self.inputs.mean,
            self.inputs.std,
            self.record.scale,
        )
        return measure(self.record, product, self.probes, lambda done: progress(done * one))


Job = SurveyJob | CurvatureJob


def plan(subjects: Sequence[Subject], data_folder: str, settings: Settings) -> list[Job]:
    """The jobs for these checkpoints, each with its own held-out domain.

    Raises ValueError for data that do not fit and CheckpointError for a checkpoint that cannot be
    read.
    """
    if settings.round_again:
        quantized = [one for one in subjects if one.model.bits != FULL_PRECISION_BITS]
        subjects = [one for one in quantized if one.model.method != EOQ]
        kinds = tuple(kind for kind in settings.kinds if kind in ROUNDED_MEASUREMENTS)
        settings = dataclasses.replace(settings, kinds=kinds)
    made = provenance()
    jobs: list[Job] = []
    for target in sorted({subject.config.target_domain for subject in subjects}):
        group = [subject for subject in subjects if subject.config.target_domain == target]
        dataset = data.load(data_folder, group[0].config.image_size)
        for subject in group:
            _require_fit(subject, group[0], dataset)
        points = {subject.folder: subject.load(settings.round_again) for subject in group}
        fits = {
            one.folder: cache(partial(temperature_of, points[one.folder], one, dataset))
            for one in group
        }
        for image_set in settings.image_sets:
            take = lru_cache(partial(_inputs, dataset, group[0], image_set, settings.seed))
            for subject in group:
                point, fit = points[subject.folder], fits[subject.folder]
                jobs += _of_one(subject, point, fit, take, settings, made)
            jobs += _of_several(group, points, take, settings, made)
    return jobs


def _of_one(
    subject: Subject,
    point: WeightPoint,
    temperature: Callable[[], float],
    take: Callable[[int], Inputs],
    settings: Settings,
    made: Provenance,
) -> list[Job]:
    """Flatness, a random plane and curvature of one network; of an ensemble the plane alone."""
    model, target, seed = subject.model, subject.config.target_domain, settings.seed
    kinds = OF_ENSEMBLES if model.method == EOQ else settings.kinds
    jobs: list[Job] = []
    if "flatness" in kinds:
        inputs = take(settings.images)
        for kind in settings.direction_kinds:
            survey = flatness_survey(
                point,
                model,
                target,
                inputs.record,
                kind,
                seed,
                settings.directions,
                RADII[kind],
                made,
            )
            jobs.append(SurveyJob(survey, point, inputs, temperature))
    if "plane" in kinds and "plane" in settings.kinds:
        inputs = take(settings.plane_images)
        radius, size = settings.plane_radius, settings.grid
        survey = random_plane(point, model, target, inputs.record, seed, radius, size, made)
        jobs.append(SurveyJob(survey, point, inputs))
    if "curvature" in kinds:
        inputs = take(settings.curvature_images)
        for kind in settings.direction_kinds:
            size = len(point.vector)
            record = Curvature(model, target, inputs.record, kind, size, seed, made)
            jobs.append(CurvatureJob(record, settings.probes, point, inputs))
    return jobs


def _of_several(
    group: Sequence[Subject],
    points: dict[Path, WeightPoint],
    take: Callable[[int], Inputs],
    settings: Settings,
    made: Provenance,
) -> list[Job]:
    """Planes, the line and the ways through networks of one trunk, where they are at hand."""
    jobs: list[Job] = []
    target = group[0].config.target_domain
    trunk = same_trunk(group)
    if trunk and "three-models" in settings.kinds:
        inputs, models = take(settings.plane_images), [subject.model for subject in trunk]
        networks = [points[subject.folder] for subject in trunk]
        survey = three_model_plane(networks, models, target, inputs.record, settings.grid, made)
        jobs.append(SurveyJob(survey, networks[0], inputs))
    pair = same_trunk(group, averaged=False)
    if pair and "interpolation" in settings.kinds:
        inputs, models = take(settings.images), [subject.model for subject in pair]
        networks = [points[subject.folder] for subject in pair]
        positions = np.linspace(LINE_FROM, LINE_TO, settings.line_points).round(9).tolist()
        survey = interpolation(networks, models, target, inputs.record, positions, made)
        jobs.append(SurveyJob(survey, networks[0], inputs))
    if pair and "trajectories" in settings.kinds:
        inputs, way = take(settings.plane_images), read_way(pair, settings.snapshots)
        survey = trajectories(way, target, inputs.record, settings.grid, made)
        jobs.append(SurveyJob(survey, way.network, inputs))
    return jobs


def _inputs(
    dataset: DomainDataset, subject: Subject, image_set: str, seed: int, count: int
) -> Inputs:
    config = subject.config
    images, record = sample(dataset, config.target_domain, image_set, count, seed)
    return Inputs(images, record, config.mean, config.std)


def _require_fit(subject: Subject, first: Subject, dataset: DomainDataset) -> None:
    config = subject.config
    require_training_data(subject.folder, config, subject.training, dataset)
    settings = ("architecture", "image_size", "mean", "std")
    if any(getattr(config, name) != getattr(first.config, name) for name in settings):
        raise ValueError(
            f"{subject.folder} and {first.folder} differ in architecture, image size or "
            "normalisation: measure them apart."
        )
