"""The runs of a study, each done once, resumable, on any number of processes that share a folder of
runs."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from safetensors.torch import save as tensors_to_bytes

from qtdog import models
from qtdog.checkpoints import RunIdentity, storage
from qtdog.claims import claimed
from qtdog.evaluation import accuracy_of, expected_calibration_error, negative_log_likelihood
from qtdog.models import short_name
from qtdog.quantization import NearestConfig, Rule, quantize
from qtdog.training import parallel
from qtdog.training.config import TrainConfig
from qtdog.training.finishing import (
    Measurement,
    finish,
    measure,
    require_free,
    target_in,
    training_record,
)
from qtdog.training.first_study import BITS, OTHER_BITS, post_training_widths
from qtdog.training.loop import Chosen, StepProgress, TrainedRun, forget_state, refitted, train
from qtdog.training.records import Outcome, RunRecord, load_record, save_record
from qtdog.training.run_data import RunData, load_run_data


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Where a sweep's runs, records and checkpoints are."""

    recipe: str
    runs: Path
    """Unfinished runs and trunks."""
    records: Path
    """One JSON and the logits a finished run."""
    checkpoints: Path
    """The checkpoints of every finished run."""
    keep_states: bool = True
    """Whether a recorded run's state stays: six times its network in full precision."""
    replace: bool = False
    """Whether checkpoints of other runs are written over."""
    data: str | None = None
    sampled_data: str | None = None
    """The two fingerprints of the data, by which a run is known to be recorded; None where records
    of other data cannot be there."""
    rounding: Rule = "start"
    """Where the step sizes of ERM rounded after training come from. With "least error" the averaged
    weights are rounded too, at every width."""

    def record_path(self, dataset: str, config: TrainConfig) -> Path:
        """Where the record of a run is or will be: where another run's has the usual name, under
        one with a hash."""
        path = self._usual_path(dataset, config)
        if not self.other(dataset, config):
            return path
        return path.with_name(f"{path.stem}-{self._identity(config).key}.json")

    def other(self, dataset: str, config: TrainConfig) -> str:
        """What differs in the run that has the usual name of this one's record; "" where there is
        none or it is this one."""
        path = self._usual_path(dataset, config)
        if not path.exists():
            return ""
        return load_record(path).identity.difference(self._identity(config))

    def _usual_path(self, dataset: str, config: TrainConfig) -> Path:
        run = f"{config.label(self.recipe)}-seed{config.seed}"
        return self.records / f"{dataset}-{config.target_domain}-{run}.json"

    def _identity(self, config: TrainConfig) -> RunIdentity:
        return config.identity(self.data, self.sampled_data)

    def run(
        self,
        dataset: str,
        configs: list[TrainConfig],
        progress: Callable[[TrainConfig], StepProgress],
        most: int | None = None,
    ) -> list[TrainConfig]:
        """Do what is neither recorded nor being done by another process, `most` runs if given;
        returns what it did.

        A run whose trunk another process is training is put off until nothing else is left: then
        it is done all the same, and the trunk twice.
        """
        done = []
        run_data: dict[tuple[str, int], RunData] = {}
        for config, put_off in [(one, later) for later in (False, True) for one in configs]:
            if len(done) == most:
                break
            path = self.record_path(dataset, config)
            with self._to_do(dataset, config, path, put_off) as to_do:
                if not to_do:
                    continue
                key = (config.target_domain, config.seed)
                if key not in run_data:  # one at a time: they are large
                    run_data = {key: load_run_data(config)}
                if not self.replace:
                    require_free(self.checkpoints, config, run_data[key], self.recipe)
                trained = train(config, run_data[key], self.runs, progress(config))
                if parallel.leads():
                    self._record(path, trained, run_data[key])
                    if not self.keep_states:
                        forget_state(self.runs, config, run_data[key])
                done.append(config)
        return done

    @contextmanager
    def _to_do(
        self, dataset: str, config: TrainConfig, record: Path, put_off: bool
    ) -> Iterator[bool]:
        """Whether the run is left to do and this process, or its group's leader, has claimed it
        and, unless it was `put_off`, the trunk that it has to train first."""
        claims = self.runs / "claims"
        trunk = config.identity().trunk.name
        with ExitStack() as held:
            mine = (
                parallel.leads()
                and held.enter_context(claimed(claims / f"{record.stem}.lock"))
                and not record.exists()
                and record == self.record_path(dataset, config)  # nobody took the name meanwhile
            )
            if mine and not put_off and not any((self.runs / "trunks").glob(f"{trunk}-*")):
                mine = held.enter_context(claimed(claims / f"{trunk}.lock"))
            yield bool(parallel.total(mine))

    def _to_round(self, run: TrainedRun) -> list[tuple[Chosen, int]]:
        if self.rounding == "start":
            return [(run.single, bits) for bits in post_training_widths(run.config)]
        widths = sorted((BITS, *OTHER_BITS))
        return [(chosen, bits) for chosen in (run.single, run.average) for bits in widths]

    def _record(self, path: Path, run: TrainedRun, run_data: RunData) -> None:
        labels = [one.labels for one in run_data.source_validation]
        label = np.min_scalar_type(len(run_data.classes) - 1)  # DomainNet has 345
        kept = {
            "labels/target": run_data.target.labels.astype(label),
            "labels/source": np.concatenate(labels).astype(label),
        }
        outcomes = []
        if run.config.method == "erm" and run.config.averaging == "sma":
            for chosen, bits in self._to_round(run):
                stored = _rounded(run, chosen, bits, self.rounding)
                measurement = measure(stored, run, run_data)
                outcome = _outcome("post-training", chosen, stored, measurement, run_data, kept)
                outcomes.append(dataclasses.replace(outcome, rule=self.rounding))
                if self.rounding != "start":  # for ensembles of them
                    kept[f"{outcomes[-1].name}/target"] = measurement.target
        ends = [run.single, run.average]
        if run.config.averages_on_learned_grids:
            ends.append(refitted(run))
        for chosen in ends:
            done = finish(run, chosen, run_data, self.checkpoints, self.recipe)
            outcome = _outcome(
                run.config.method, chosen, done.stored, done.measurement, run_data, kept
            )
            outcomes.append(outcome)
            kept[f"{outcome.name}/target"] = done.measurement.target
            kept[f"{outcome.name}/source"] = np.concatenate(done.measurement.source)
        how = training_record(run, run.single.step, run_data, self.recipe)
        names = {
            "data": Path(run.config.data).name,
            "start_weights": short_name(run.config.start_weights),
        }
        record = RunRecord(
            config=dataclasses.replace(run.config, **names),
            recipe=self.recipe,
            dataset=run_data.name,
            classes=run.classes,
            source_domains=tuple(domain.name for domain in run_data.source_validation),
            data_fingerprint=run_data.fingerprint,
            points=run.points,
            outcomes=tuple(outcomes),
            seconds=how.seconds,
            hardware=how.hardware,
            versions=how.versions,
            commit=how.commit,
            command=how.command,
            identity=run_data.identity(run.config),
        )
        save_record(path, record, kept)


def _rounded(run: TrainedRun, chosen: Chosen, bits: int, rule: Rule) -> storage.StoredNetwork:
    """Weights of ERM rounded to nearest, with the step sizes that QT-DoG starts from."""
    config = run.config
    network = models.build(config.architecture, len(run.classes), image_size=config.image_size)
    network.load_state_dict(chosen.network.state_dict())
    quantize(network, NearestConfig(bits, rule=rule), run.left_out)
    return storage.store(network.eval())


def _outcome(
    method: str,
    chosen: Chosen,
    stored: storage.StoredNetwork,
    measurement: Measurement,
    run_data: RunData,
    labels: dict[str, np.ndarray],
) -> Outcome:
    model = tensors_to_bytes(stored.tensors)
    target_labels, source_labels = labels["labels/target"], labels["labels/source"]
    ends = np.cumsum([len(logits) for logits in measurement.source])[:-1]
    source = np.concatenate(measurement.source)
    return Outcome(
        method=method,
        averaged=chosen.averaged,
        refitted=chosen.refitted,
        bits=stored.bits,
        chosen_step=chosen.step,
        source_validation=tuple(
            accuracy_of(logits, of)
            for logits, of in zip(measurement.source, np.split(source_labels, ends), strict=True)
        ),
        target=accuracy_of(measurement.target, target_labels),
        nll=negative_log_likelihood(measurement.target, target_labels),
        ece=expected_calibration_error(measurement.target, target_labels),
        source_nll=negative_log_likelihood(source, source_labels),
        source_ece=expected_calibration_error(source, source_labels),
        size_bytes=len(model),
        sha256=hashlib.sha256(model).hexdigest(),
        target_in=target_in(measurement, run_data),
    )
