"""The ways of two runs: their plane, their coordinates, what of them the plane holds."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest
import torch
from tiny_runs import CONFIG
from typer.testing import CliRunner
from way_files import save_runs

from qtdog import checkpoints, cli, models
from qtdog.checkpoints import find, load_snapshot
from qtdog.landscape import Settings, Trajectories, store, subjects, to_csv, weight_point
from qtdog.landscape.plan import plan
from qtdog.landscape.records import load
from qtdog.landscape.trajectories import path_plane, principal_variances

SETTINGS = Settings(kinds=("trajectories",), plane_images=6, grid=3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QTDOG_CACHE", str(root / "cache"))
        return save_runs(root)


def words(trained, out, *more):
    return [
        *("landscape", str(trained / "checkpoints"), "--data", str(trained / "pacs")),
        *("--kind", "trajectories", "--plane-images", "6", "--grid", "3"),
        *("--snapshots", str(trained / "runs"), "--out", str(out)),
        *("--runs", str(out.parent / "unfinished"), *more),
    ]


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)


@pytest.fixture(scope="module")
def records(trained, tmp_path_factory) -> dict[str, Trajectories]:
    out = tmp_path_factory.mktemp("landscapes") / "out"
    result = invoke(*words(trained, out))
    assert result.exit_code == 0, result.output
    found, problems = store.load_all(out)
    assert problems == []
    return {one.images.split: one for one in found}


def vectors(trained, method) -> dict[int, torch.Tensor]:
    """By step, one run's snapshots as they are read from their files here."""
    found = {}
    for path in sorted((trained / "runs" / "snapshots").rglob("*.safetensors")):
        if method in path.parent.name or "trunk" in path.parent.name:
            snapshot = load_snapshot(path)
            network = models.build(CONFIG.architecture, 7, image_size=32)
            network.load_state_dict(snapshot.tensors)
            found[snapshot.note.step] = weight_point(network.eval()).vector
    return dict(sorted(found.items()))


@pytest.mark.slow
def test_places_are_those_that_plain_numpy_finds(trained, records):
    erm, quantized = vectors(trained, "-erm-"), vectors(trained, "-qt-dog-")
    assert list(erm) == list(quantized) == [2, 4, 6, 8, 10, 12]
    rows = [erm[step] for step in erm] + [quantized[step] for step in (8, 10, 12)]
    matrix = np.array([row.double().numpy() for row in rows])
    start, first, second = matrix[2], matrix[5], matrix[8]
    basis, _ = np.linalg.qr(np.stack([first - start, second - start], 1))
    basis *= np.sign([(first - start) @ basis[:, 0], (second - start) @ basis[:, 1]])
    places = (matrix - start) @ basis
    beside = np.linalg.norm(matrix - start - places @ basis.T, axis=1)
    record = records["target"]
    points = [*record.trunk, *record.arms[0].points, *record.arms[1].points]
    assert np.allclose([(one.x, one.y) for one in points], places, atol=2e-5)
    # Of a place in the plane a square root of float32's rounding is left.
    assert np.allclose([one.off_plane for one in points], beside, atol=1e-3)
    centred = matrix - matrix.mean(0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2
    assert record.principal == pytest.approx(tuple((values / values.sum())[:5]), abs=2e-6)
    held = ((centred @ basis) ** 2).sum() / values.sum()
    assert record.held == pytest.approx(held, abs=2e-6)
    assert 0 < record.held <= record.principal[0] + record.principal[1] + 1e-6


@pytest.mark.slow
def test_every_point_says_what_its_evaluation_and_its_own_network_say(trained, records):
    """The first run's log, and readings of the three networks in the plane: they are its own."""
    folder = next(one for one in find(trained / "checkpoints") if one.name == "erm-from6-seed0")
    log = list(csv.DictReader((folder / checkpoints.LOG).open()))
    record = records["source"]
    points = (*record.trunk, *record.arms[0].points)
    assert [one.step for one in points] == [int(row["step"]) for row in log]
    assert [one.target for one in points] == [float(row["target"]) for row in log]
    validation = [float(row["source_validation"]) for row in log]
    assert [one.source_validation for one in points] == validation
    training = checkpoints.load_config(folder).training
    assert (record.arms[0].command, record.arms[0].commit) == (training.command, training.commit)
    assert record.arms[0].chosen_step == training.chosen_step
    assert record.arms[0].data_fingerprint == training.data_fingerprint
    assert (record.trunk[-1].x, record.trunk[-1].y, record.arms[0].points[-1].y) == (0, 0, 0)
    assert record.images.domains == ("art_painting", "cartoon", "photo")
    assert (len(record.readings), len(record.readings[0])) == (3, 3)


def test_the_plane_passes_through_its_three_points():
    torch.manual_seed(3)
    start, first, second = torch.randn(3, 500)
    plane = path_plane(start, first, second)
    for vector in (start, first, second):
        x, y, off = plane.place(vector)
        assert torch.allclose(plane.at(x, y), vector, atol=1e-5)
        assert off < 1e-2
    assert plane.place(first)[1] == pytest.approx(0, abs=1e-4)
    assert plane.place(second)[1] > 0
    for one, other in ((start, second), (first, start), (first, first)):
        with pytest.raises(ValueError, match="there is no plane"):
            path_plane(start, one, other)


def test_principal_variances_are_those_of_the_singular_values():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(7, 200_000)).astype(np.float32)
    centred = rows.astype(np.float64) - rows.astype(np.float64).mean(0)
    expected = np.linalg.svd(centred, compute_uv=False) ** 2
    found = principal_variances([torch.from_numpy(row) for row in rows])
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-3)


@pytest.mark.slow
def test_the_numbers_can_be_downloaded(records):
    record = records["target"]
    rows = list(csv.DictReader(io.StringIO(to_csv([record]))))
    steps = [row for row in rows if row["step"]]
    assert len(rows) == 2 * 6 + 9
    assert len(steps) == 12
    last = record.arms[1].points[-1]
    assert float(steps[-1]["held-out accuracy"]) == last.target
    assert float(steps[-1]["loss"]) == last.reading.loss
    assert float(rows[-1]["loss"]) == record.readings[-1][-1].loss


@pytest.mark.slow
def test_it_is_measured_once_and_a_record_of_other_ways_is_none(trained, records, tmp_path):
    again = plan(subjects(find(trained / "checkpoints")), str(trained / "pacs"), settings(trained))
    assert [store.path_of(tmp_path, job.record).name for job in again] == [
        f"trajectories-{split}-erm-from6-seed0--qt-dog-7bit-from6-seed0.json"
        for split in ("source", "target")
    ]
    path = store.save(tmp_path, records["target"])
    assert load(path) == records["target"]
    values = json.loads(path.read_bytes())

    def refused(change, said):
        other = json.loads(json.dumps(values))
        change(other)
        path.write_text(json.dumps(other))
        with pytest.raises(ValueError, match=said) as raised:
            load(path)
        assert str(path) in str(raised.value)

    refused(lambda v: v["arms"].pop(), "a trunk and two ways on from it")
    refused(lambda v: v["trunk"].clear(), "a trunk and two ways on from it")
    refused(lambda v: v["arms"][0]["points"].pop(), "a trunk and two ways on from it")
    refused(lambda v: v["trunk"][0].update(reading=None), "a point's reading is missing")
    refused(lambda v: v["readings"].pop(), "should hold 3 rows of 3 readings")
    refused(lambda v: v["trunk"][0].update(x="far"), "should be of type float")


def settings(trained) -> Settings:
    return dataclasses.replace(SETTINGS, snapshots=trained / "runs")


@pytest.mark.slow
def test_runs_without_snapshots_are_refused_in_a_sentence(trained, tmp_path):
    with pytest.raises(ValueError, match=r"There is no snapshot .*train the run with --snapshots"):
        invoke(*words(trained, tmp_path / "out", "--snapshots", str(tmp_path)))
