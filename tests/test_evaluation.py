"""Accuracies counted by hand, the splits they are of, the ensemble, and the tables."""

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import Checkpoint
from qtdog.data import DataError, Domain, DomainDataset, rows_by_name
from qtdog.evaluation import (
    domain_accuracy,
    evaluate,
    evaluation_csv,
    evaluation_tables,
    fast_logits,
    fitted_temperature,
    negative_log_likelihood,
    predict_logits,
)
from qtdog.inference import Ensemble, mean_of_logits

CLASSES = ("cat", "dog", "owl")
STATED = Accuracy(4, 6)
MEAN, STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


class ReadsRed(nn.Module):
    """Its prediction is the image's red value: 0, 1 or 2 of 255."""

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.tensor(strength))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        red = (images[:, 0].amax((1, 2)) * 255).round().long()
        return self.strength * nn.functional.one_hot(red, 3).float()


def domain_of(name: str, truth: list[int], predicted: list[int]) -> Domain:
    images = np.zeros((len(truth), 4, 4, 3), np.uint8)
    images[..., 0] = np.array(predicted)[:, None, None]
    names = tuple(f"{CLASSES[label]}/{k:03d}.png" for k, label in enumerate(truth))
    return Domain(name, images, np.array(truth, np.int64), names)


@dataclasses.dataclass(frozen=True)
class Seed:
    """All that evaluation asks of a training record. It states no fingerprint of the data."""

    seed: int
    split: str = "ours"
    data_fingerprint: str = ""
    domain_fingerprints: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Config:
    """All that evaluation asks of a config."""

    classes: tuple[str, ...] = CLASSES
    dataset: str = "pets"
    source_domains: tuple[str, ...] = ("art", "photo")
    target_domain: str = "sketch"
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    source_validation: tuple[Accuracy, ...] = (Accuracy(1, 2), Accuracy(3, 4))
    target: Accuracy = STATED
    training: Seed | None = Seed(3)


def checkpoint_of(*networks: nn.Module, **changes) -> Checkpoint:
    return Checkpoint(Path("some-folder"), Config(**changes), networks, 1, 7.0)


#                  right  right wrong right wrong right
SKETCH = domain_of("sketch", [0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 0, 2])


def pets() -> DomainDataset:
    generator = np.random.default_rng(0)
    truth, predicted = generator.integers(0, 3, (2, 50)).tolist()
    return DomainDataset(
        "pets",
        CLASSES,
        (domain_of("art", truth, predicted), domain_of("photo", predicted, truth), SKETCH),
    )


def test_a_target_counts_with_all_images_by_class_as_by_hand():
    results = evaluate("model", checkpoint_of(ReadsRed()), pets())
    sketch = results[-1]
    assert (sketch.model, sketch.domain, sketch.part) == ("model", "sketch", "all")
    assert sketch.overall == Accuracy(4, 6)
    assert sketch.by_class == (Accuracy(2, 3), Accuracy(1, 1), Accuracy(1, 2))
    assert sketch.stated == Accuracy(4, 6)


def test_a_source_domain_counts_with_the_validation_split_of_the_models_seed():
    dataset = pets()
    art = dataset.domains[0]
    results = evaluate("model", checkpoint_of(ReadsRed()), dataset)
    assert [r.part for r in results] == ["validation", "validation", "all"]
    assert [r.stated for r in results[:2]] == [Accuracy(1, 2), Accuracy(3, 4)]
    rows = rows_by_name(art, 3)[1]
    right = sum(int(art.images[row, 0, 0, 0] == art.labels[row]) for row in rows)
    assert results[0].overall == Accuracy(right, 10)
    assert sum(one.total for one in results[0].by_class) == 10
    other = evaluate("model", checkpoint_of(ReadsRed(), training=Seed(4)), dataset)
    rows = rows_by_name(art, 4)[1]
    right = sum(int(art.images[row, 0, 0, 0] == art.labels[row]) for row in rows)
    assert other[0].overall == Accuracy(right, 10)


def test_another_dataset_counts_with_all_images_and_nothing_is_stated():
    foreign = dataclasses.replace(pets(), name="other-pets")
    results = evaluate("model", checkpoint_of(ReadsRed()), foreign)
    assert [(r.part, r.overall.total, r.stated) for r in results] == [
        ("all", 50, None),
        ("all", 50, None),
        ("all", 6, None),
    ]


def test_an_ensemble_is_not_evaluated_on_its_members_source_domains():
    ensemble = dataclasses.replace(
        checkpoint_of(ReadsRed(), ReadsRed(), training=None, source_validation=()),
        members=(checkpoint_of(ReadsRed()), checkpoint_of(ReadsRed())),
    )
    results = evaluate("eoq", ensemble, pets())
    assert [r.domain for r in results] == ["sketch"]
    foreign = dataclasses.replace(pets(), name="other-pets")
    assert len(evaluate("eoq", ensemble, foreign)) == 3


class Says(nn.Module):
    """The same logits for every image."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(images), -1)


def test_an_ensembles_answer_is_the_class_of_the_mean_logits_not_of_the_votes():
    """Two say dog, one says owl more loudly; the mean of probabilities says dog, too."""
    members = (Says(0.0, 4.0, 2.0), Says(0.0, 4.0, 2.0), Says(0.0, 0.0, 9.0))
    images = torch.zeros(2, 3, 4, 4)
    expected = torch.tensor([[0.0, 8 / 3, 13 / 3]] * 2)
    ensemble = Ensemble(members)
    torch.testing.assert_close(ensemble(images), expected)
    logits = ensemble.member_logits(images)
    assert logits.shape == (3, 2, 3)
    assert logits.softmax(2).mean(0).argmax(1).tolist() == [1, 1]
    torch.testing.assert_close(mean_of_logits(logits), expected)

    owls = domain_of("sketch", [2, 2, 1], [0, 0, 0])
    config = {"training": None, "source_validation": ()}
    dataset = DomainDataset("pets", CLASSES, (owls,))
    (result,) = evaluate("eoq", checkpoint_of(*members, **config), dataset)
    assert result.overall == Accuracy(2, 3)


def test_an_ensemble_needs_a_member():
    with pytest.raises(ValueError, match="at least one member"):
        Ensemble([])


def test_logits_do_not_depend_on_batches_and_see_normalised_images():
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean((2, 3))

    images = np.random.default_rng(0).integers(0, 256, (150, 5, 5, 3), np.uint8)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
    logits = predict_logits(Mean().train(), images, mean, std)
    assert logits.shape == (150, 3)
    assert logits.dtype == np.float32
    by_hand = (images.astype(float).mean((1, 2)) / 255 - mean) / np.array(std)
    np.testing.assert_allclose(logits, by_hand, atol=1e-5)


def test_the_network_is_evaluated_in_evaluation_mode():
    network = nn.Sequential(nn.Dropout(1.0), ReadsRed()).train()
    assert domain_accuracy(network, SKETCH, MEAN, STD) == Accuracy(4, 6)


def test_classes_that_the_model_does_not_know_are_refused():
    with pytest.raises(
        DataError, match="has the classes cat, dog, owl; some-folder knows cat, dog"
    ):
        evaluate("model", checkpoint_of(ReadsRed(), classes=("cat", "dog")), pets())


def test_images_of_fewer_classes_are_labelled_by_the_models():
    """A new domain with owls alone, which ReadsRed gets right one time in two."""
    whole = checkpoint_of(ReadsRed())
    rows = np.flatnonzero(SKETCH.labels == CLASSES.index("owl"))
    owls = dataclasses.replace(SKETCH.subset(rows), name="new", labels=np.zeros(len(rows), int))
    (result,) = evaluate("model", whole, DomainDataset("wild", ("owl",), (owls,)))
    (sketch,) = [one for one in evaluate("model", whole, pets()) if one.domain == "sketch"]
    assert result.part == "all"
    assert result.overall == result.by_class[CLASSES.index("owl")] == sketch.by_class[-1]
    assert [one.total for one in result.by_class] == [0, 0, len(rows)]
    (table,) = evaluation_tables([result], CLASSES)
    assert list(table.columns[1].cells) == ["50.0% 1/2", "–", "–", "50.0% 1/2"]


def test_an_accuracy_shows_its_counts():
    assert str(Accuracy(2998, 3929)) == "76.3% (2,998/3,929)"
    assert Accuracy(1, 8).fraction == 0.125
    assert Accuracy(0, 0).fraction == 0.0


def test_the_csv_has_one_number_a_row():
    results = evaluate("model", checkpoint_of(ReadsRed()), pets())
    rows = list(csv.DictReader(io.StringIO(evaluation_csv(results, CLASSES))))
    assert len(rows) == 3 * 4
    assert rows[-4] == {
        "dataset": "pets",
        "held_out": "sketch",
        "model": "model",
        "seed": "3",
        "domain": "sketch",
        "split": "all",
        "class": "all",
        "correct": "4",
        "total": "6",
        "accuracy": "0.666667",
    }
    assert [row["class"] for row in rows[-3:]] == list(CLASSES)
    assert rows[-1]["accuracy"] == "0.500000"


def test_a_models_table_has_a_column_a_domain_and_a_row_a_class():
    results = evaluate("one", checkpoint_of(ReadsRed()), pets())
    results += evaluate("one", checkpoint_of(ReadsRed(), target_domain="photo"), pets())
    first, second = evaluation_tables(results, CLASSES)
    assert (first.title, second.title) == ("one, sketch held out", "one, photo held out")
    headers = [column.header.split("\n") for column in first.columns]
    assert headers == [["class"], ["art", "validation"], ["photo", "validation"], ["sketch", "all"]]
    assert list(first.columns[0].cells) == ["all", *CLASSES]
    assert list(first.columns[3].cells) == ["66.7% 4/6", "66.7% 2/3", "100.0% 1/1", "50.0% 1/2"]


def test_where_a_fast_copy_finds_two_logits_level_the_network_itself_decides():
    class FindsOwlsLevel(ReadsRed):
        """Off by what float rounding may do, which for owls is enough to say dog."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits = super().forward(images)
            owls = logits[:, 2] > 0
            logits[owls, 1] = logits[owls, 2] + 1e-6
            return logits + 1e-6

    images = domain_of("photo", [0, 1, 2, 2], [0, 1, 2, 2]).images
    expected = predict_logits(ReadsRed(), images, MEAN, STD)
    logits = fast_logits(ReadsRed(), FindsOwlsLevel(), images, MEAN, STD)
    assert np.array_equal(logits[2:], expected[2:])
    assert np.array_equal(logits[:2], expected[:2] + np.float32(1e-6))


def test_the_fitted_temperature_is_the_one_that_the_logits_were_multiplied_by():
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 5)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (probabilities.cumsum(1) < random.random((20_000, 1))).sum(1)
    assert fitted_temperature(logits, labels) == pytest.approx(1, abs=0.03)
    one = fitted_temperature(logits, labels)
    assert fitted_temperature(3 * logits, labels) == pytest.approx(3 * one, rel=1e-4)
    grid = np.geomspace(0.5, 2, 301)
    losses = [negative_log_likelihood(logits / t, labels) for t in grid]
    assert one == pytest.approx(grid[int(np.argmin(losses))], rel=0.01)
