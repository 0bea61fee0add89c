"""`python -m qtdog landscape` on small checkpoints and a small folder of images."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from landscape_files import save_images, save_trunk
from PIL import Image
from servers import ROOT
from tiny import save_set
from typer.testing import CliRunner

from qtdog import checkpoints, cli, data, models
from qtdog.claims import claimed
from qtdog.landscape import Settings, ensembles, records, store, subjects, title
from qtdog.landscape.images import sample
from qtdog.landscape.measured_networks import same_trunk
from qtdog.landscape.plan import plan


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    return save_images(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    return save_trunk(tmp_path_factory.mktemp("zoo"))


def words(zoo, pacs, out, *more):
    return [
        "landscape",
        str(zoo),
        *("--data", str(pacs), "--out", str(out), "--runs", str(out.parent / "unfinished")),
        *("--directions", "2", "--images", "6", "--plane-images", "3", "--grid", "3"),
        *more,
    ]


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)


def fitted_on_source_validation(zoo, pacs, curve):
    """By a search over a grid, from torch's own cross-entropy."""
    checkpoint = checkpoints.load(zoo / curve.model.name)
    config, (network,) = checkpoint.config, checkpoint.networks
    logits, labels = [], []
    for domain in data.load(str(pacs), config.image_size).sources("sketch"):
        held_out = domain.subset(data.rows_by_name(domain, curve.model.seed)[1])
        inputs = models.to_network_input(torch.from_numpy(held_out.images), config.mean, config.std)
        with torch.no_grad():
            logits.append(network.eval()(inputs))
        labels.append(torch.from_numpy(held_out.labels))
    grid = np.geomspace(0.05, 20, 4001)
    together, truth = torch.cat(logits), torch.cat(labels)
    losses = [float(torch.nn.functional.cross_entropy(together / t, truth)) for t in grid]
    return pytest.approx(float(grid[int(np.argmin(losses))]), rel=0.01)


@pytest.mark.thorough
def test_every_kind_is_measured_once(zoo, pacs, tmp_path):
    out = tmp_path / "out"
    chosen = ("--split", "target", "--kind", "flatness", "--kind", "plane")
    chosen += ("--kind", "three-models", "--kind", "interpolation")
    result = invoke(*words(zoo, pacs, out, *chosen))
    assert result.exit_code == 0, result.output
    assert "11 results of 3 networks, 0 there already." in result.output
    found, problems = store.load_all(out)
    assert problems == []
    assert sorted(path.name for path in (out / "pacs" / "sketch").iterdir()) == sorted(
        [
            *(
                f"{kind}-target-{model}.json"
                for kind in ("flatness-filter", "flatness-whole", "plane")
                for model in ("erm-seed0", "erm-averaged-seed0", "qt-dog-7bit-seed0")
            ),
            "three-models-target-erm-seed0--qt-dog-7bit-seed0--erm-averaged-seed0.json",
            "interpolation-target-erm-seed0--qt-dog-7bit-seed0.json",
        ]
    )
    curve = next(one for one in found if isinstance(one, records.FlatnessCurve))
    assert (len(curve.readings), len(curve.radii), curve.images.count) == (2, 7, 6)
    assert curve.images.domains == ("sketch",)
    assert curve.temperature == fitted_on_source_validation(zoo, pacs, curve)
    # The three networks' own readings are the same wherever they are met.
    plane = next(one for one in found if getattr(one, "kind", "") == "three-models")
    centres = {
        one.markers[0].model.name: one.markers[0].reading
        for one in found
        if getattr(one, "kind", "") == "plane"
    }
    for marker in plane.markers:
        assert marker.reading == centres[marker.model.name]
    again = invoke(*words(zoo, pacs, out, *chosen))
    assert "11 there already" in again.output
    assert "ms each" not in again.output
    # Another number of directions is another result.
    other = invoke(*words(zoo, pacs, out, *chosen, "--directions", "3", "--estimate"))
    assert "5 there already" in other.output


@pytest.mark.thorough
def test_quantized_weights_are_rounded_again_on_request(zoo, pacs, tmp_path):
    out = tmp_path / "out"
    chosen = ("--split", "target", "--kind", "flatness", "--kind", "plane", "--kind", "curvature")
    result = invoke(*words(zoo, pacs, out, *chosen[:-2]))
    assert result.exit_code == 0, result.output
    result = invoke(*words(zoo, pacs, out, *chosen, "--round-again"))
    assert "3 results of 3 networks, 0 there already." in result.output
    files = sorted(path.name for path in out.rglob("*-rounded-*.json"))
    assert files == [
        f"{kind}-rounded-target-qt-dog-7bit-seed0.json"
        for kind in ("flatness-filter", "flatness-whole", "plane")
    ]
    for file in files:
        rounded = records.load(out / "pacs" / "sketch" / file)
        plain = records.load(out / "pacs" / "sketch" / file.replace("-rounded", ""))
        assert (plain.perturbed, rounded.perturbed) == ("weights", "weights, rounded again")
        assert own_reading(rounded) == own_reading(plain), "nothing is moved there"
        assert rounded.readings != plain.readings
    with pytest.raises(ValueError, match="only flatness and planes of quantized networks"):
        invoke(*words(zoo / "erm-seed0", pacs, out, "--round-again"))


def own_reading(record):
    return record.markers[0].reading if hasattr(record, "markers") else record.centre


def test_curvature_is_measured_and_stored(zoo, pacs, tmp_path, monkeypatch):
    few = Settings(kinds=("curvature",), image_sets=("source",), probes=2, curvature_images=3)
    one = subjects([zoo / "qt-dog-7bit-seed0"])
    jobs = plan(one, str(pacs), few)
    assert [job.record.scale for job in jobs] == ["filter", "whole"]
    done = []
    measured = jobs[0].measure(tmp_path / "unused", done.append)
    assert len(measured.traces) == 2
    assert measured.eigenvalue > 0
    assert len(done) == measured.lanczos_steps + 2
    assert measured.images.domains == ("art_painting", "cartoon", "photo")


def test_one_distance_can_be_chosen(zoo, pacs, tmp_path):
    out = tmp_path / "out"
    chosen = ("--split", "target", "--kind", "flatness", "--distance", "filter")
    assert invoke(*words(zoo / "erm-seed0", pacs, out, *chosen)).exit_code == 0
    assert [path.stem for path in out.rglob("*.json")] == ["flatness-filter-target-erm-seed0"]


@pytest.mark.thorough
def test_results_of_other_settings_are_not_written_over(zoo, pacs, tmp_path):
    out = tmp_path / "out"
    chosen = ("--split", "target", "--kind", "flatness", "--distance", "filter")
    arguments = words(zoo / "erm-seed0", pacs, out, *chosen)
    assert invoke(*arguments).exit_code == 0
    (path,) = out.rglob("*.json")
    before = path.read_bytes()
    for other, said in (
        (("--seed", "1"), "images"),
        (("--images", "5"), "images"),
        (("--directions", "3"), "directions"),
    ):
        with pytest.raises(ValueError, match=f"differs in its {said}: give --replace") as raised:
            invoke(*arguments, *other)
        assert str(path) in str(raised.value)
        assert path.read_bytes() == before
    assert invoke(*arguments, "--seed", "1", "--replace").exit_code == 0
    assert records.load(path).images.seed == 1


@pytest.mark.thorough
def test_what_another_process_measures_is_left_to_it(zoo, pacs, tmp_path):
    out, unfinished = tmp_path / "out", tmp_path / "unfinished"
    chosen = ("--split", "target", "--kind", "flatness")
    alike = Settings(kinds=("flatness",), image_sets=("target",), directions=2, images=6)
    planned = plan(subjects([zoo / "erm-seed0"]), str(pacs), alike)
    key = f"flatness-whole-target-erm-seed0-{records.fingerprint(planned[1].record)}"
    with claimed(unfinished / "claims" / f"{key}.lock") as first:
        assert first
        result = invoke(*words(zoo / "erm-seed0", pacs, out, *chosen))
    assert result.exit_code == 0
    assert "Another process is measuring what is left: 1 of 2." in result.output
    assert [path.stem for path in out.rglob("flatness-*")] == ["flatness-filter-target-erm-seed0"]
    result = invoke(*words(zoo / "erm-seed0", pacs, out, *chosen))
    assert "2 results of 1 network, 1 there already." in result.output
    assert "Another" not in result.output
    assert len(list(out.rglob("flatness-*"))) == 2


@pytest.mark.slow
def test_a_killed_command_goes_on_to_identical_files(zoo, pacs, tmp_path):
    chosen = ("--split", "target", "--kind", "plane", "--grid", "9")
    whole = tmp_path / "whole" / "out"
    assert invoke(*words(zoo, pacs, whole, *chosen)).exit_code == 0
    cut = tmp_path / "cut" / "out"
    command = [sys.executable, "-m", "qtdog", *words(zoo, pacs, cut, *chosen)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
    )
    unfinished = cut.parent / "unfinished"
    deadline = time.monotonic() + 60
    while not any(unfinished.glob("*.txt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(cut.rglob("plane-*.json"))) < 3
    assert invoke(*words(zoo, pacs, cut, *chosen)).exit_code == 0
    files = [path.relative_to(whole) for path in whole.rglob("*-target-*.json")]
    assert len(files) == 3
    for file in files:
        mine, theirs = (json.loads((root / file).read_bytes()) for root in (cut, whole))
        assert mine == theirs
    assert [path.name for path in unfinished.iterdir()] == ["claims"], "no journal is left"


def test_what_cannot_be_measured_is_said_in_a_sentence(zoo, pacs, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="'flat' is unknown: choose among flatness, plane"):
        invoke(*words(zoo, pacs, out, "--kind", "flat"))
    with pytest.raises(ValueError, match="'far' is unknown: choose among filter, whole"):
        invoke(*words(zoo, pacs, out, "--distance", "far"))
    with pytest.raises(ValueError, match="sketch has 21 images, but 99"):
        invoke(*words(zoo, pacs, out, "--split", "target", "--kind", "flatness", "--images", "99"))
    with pytest.raises(ValueError, match="ERM and QT-DoG of one seed"):
        invoke(*words(zoo / "erm-seed0", pacs, out, "--kind", "three-models"))
    other = tmp_path / "other"
    for domain in ("a", "b"):
        for label in ("cat", "mouse"):
            (other / domain / label).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(other / domain / label / "0.png")
    with pytest.raises(ValueError, match="was trained on pacs with the classes dog"):
        invoke(*words(zoo, other, out))


@pytest.mark.thorough
def test_of_an_ensemble_the_plane_is_measured(pacs, tmp_path):
    root = save_set(tmp_path / "zoo", members=2)
    folder, out = root / "pacs" / "sketch" / "eoq-7bit", tmp_path / "out"
    result = invoke(*words(folder, pacs, out, "--split", "target"))
    assert "1 result of 1 network" in result.output, result.output
    ((plane,), problems) = store.load_all(out)
    assert not problems
    assert title(plane.markers[0].model) == "EoQ, 7 bits"
    checkpoint = checkpoints.load(folder)
    dataset = data.load(str(pacs), checkpoint.config.image_size)
    images, _ = sample(dataset, "sketch", "target", 3, 0)
    scale = checkpoint.config.mean, checkpoint.config.std
    inputs = models.to_network_input(torch.from_numpy(np.array(images.images)), *scale)
    with torch.no_grad():
        logits = torch.stack([network(inputs) for network in checkpoint.networks]).mean(0).double()
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(np.array(images.labels)))
    assert plane.readings[1][1].loss == pytest.approx(float(loss), abs=1e-5)
    assert [one.model for one in ensembles([folder])] == [plane.markers[0].model]
    with pytest.raises(ValueError, match="of an ensemble, random planes alone"):
        invoke(*words(folder, pacs, out, "--kind", "flatness"))


def test_subjects_are_single_networks_in_a_fixed_order(zoo):
    found = subjects([zoo / "qt-dog-7bit-seed0", zoo / "erm-averaged-seed0", zoo / "erm-seed0"])
    assert [title(one.model) for one in found] == [
        "Full precision, seed 0",
        "Full precision, averaged, seed 0",
        "QT-DoG, 7 bits, seed 0",
    ]
    trunk = same_trunk(found)
    assert [one.folder.name for one in trunk] == [
        "erm-seed0",
        "qt-dog-7bit-seed0",
        "erm-averaged-seed0",
    ]
    assert same_trunk(found[:2]) is None
    assert same_trunk([found[0], found[2]]) is None
    assert same_trunk([found[0], found[2]], averaged=False) == (found[0], found[2])
    model = dataclasses.replace(found[2].model, averaged=True)
    mean = dataclasses.replace(found[2], model=model)  # then full precision's mean stands beside it
    assert same_trunk([*found[:2], mean]) == (found[1], mean, found[0])
    assert same_trunk([*found[:2], mean], averaged=False) == (found[1], mean)
    assert same_trunk([found[0], mean], averaged=False) is None
