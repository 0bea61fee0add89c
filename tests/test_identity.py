"""A run is known by its settings and its data, not by its name: wherever it could be taken for
another one, what differs is said."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
import tiny
from bundled import BUNDLED, FIRST_STUDY, MEMBERS, SKETCH
from conftest import SMALL_RECIPE
from test_data import make_folder
from tiny_runs import tiny_data

from qtdog import checkpoints
from qtdog.checkpoints import RunIdentity, storage
from qtdog.data import DataError, load_folder
from qtdog.study import measured_rows
from qtdog.training import RunRecord, Sweep, TrainConfig, combine, load_record, sweep
from qtdog.training.config import RECIPES
from qtdog.training.records import save_record

RECORDS = FIRST_STUDY / "runs"
CONFIG = TrainConfig("PACS", "sketch", **RECIPES["cpu"])


# What it is -------------------------------------------------------------------------------------


def test_every_setting_of_a_run_is_part_of_its_identity():
    settings = {field.name for field in dataclasses.fields(TrainConfig)} - {"data"}
    assert settings <= {field.name for field in dataclasses.fields(RunIdentity)}
    identity = CONFIG.identity("data", "sample")
    assert all(getattr(identity, name) == getattr(CONFIG, name) for name in settings)
    assert (identity.dataset, identity.data, identity.sampled_data) == ("pacs", "data", "sample")


def test_what_a_method_does_not_use_tells_no_runs_apart():
    erm, freeze = (dataclasses.replace(CONFIG, method=one) for one in ("erm", "freeze"))
    other = {"bits": 4, "granularity": "tensor", "quantizer": "inq", "leave_out": ("fc",)}
    assert dataclasses.replace(erm, **other).identity() == erm.identity()
    faster = {"step_size_learning_rate": 1.0}
    for one in (erm, freeze, dataclasses.replace(CONFIG, quantizer="inq")):
        assert dataclasses.replace(one, **faster).identity() == one.identity()
    for name, value in (other | faster).items():
        said = dataclasses.replace(CONFIG, **{name: value}).identity().difference(CONFIG.identity())
        assert said.startswith(name.replace("_", " "))


def test_the_difference_is_a_phrase_that_names_all_of_it():
    one = CONFIG.identity("data", "sample")
    other = dataclasses.replace(one, steps=1200, leave_out=("a", "b"), data="others")
    assert one.difference(other) == (
        "other images, leave out none instead of a, b and steps 3000 instead of 1200"
    )
    assert one.difference(other, but=("data", "leave_out", "steps")) == ""
    assert one.difference(one) == ""


def test_data_are_compared_by_all_that_both_sides_know():
    def identity(data: str | None, sampled: str | None, name: str = "pacs") -> RunIdentity:
        return RunIdentity(dataset=name, data=data, sampled_data=sampled)

    whole = identity("a", "s")
    assert whole.difference(identity("a", "t", "renamed")) == "", "the images are the same"
    assert whole.difference(identity("b", "s")) == "other images"
    assert whole.difference(identity(None, "s")) == "", "an older run on these data"
    assert whole.difference(identity(None, "t")) == "other images"
    assert whole.difference(identity(None, None, "vlcs")) == "dataset pacs instead of vlcs"


def test_start_weights_are_known_by_their_content(tmp_path):
    files = [tmp_path / place / "start.safetensors" for place in ("one", "two", "three")]
    for file, content in zip(files, (b"a", b"b", b"a"), strict=True):
        file.parent.mkdir()
        file.write_bytes(content)
    one, two, three = (
        dataclasses.replace(CONFIG, start_weights=str(file)).identity() for file in files
    )
    assert one.difference(two) == "other start weights' content"
    assert one.difference(three) == ""
    files[0].write_bytes(b"longer")
    assert dataclasses.replace(CONFIG, start_weights=str(files[0])).identity() != three


def test_shipped_checkpoints_and_records_say_which_run_they_are():
    """Of those that are older than the identity it is what their configs state."""
    by_file = {
        outcome.sha256: record.identity
        for record in map(load_record, sorted((FIRST_STUDY / "runs").glob("*.json")))
        for outcome in record.outcomes
    }
    found = 0
    for folder in checkpoints.find(BUNDLED):
        config = checkpoints.load_config(folder)
        if config.method == "eoq":
            assert config.identity is None
            continue
        identity = by_file[config.files[0].sha256]
        assert identity.sampled_data == config.identity.sampled_data
        assert config.identity.difference(identity) == "", folder
        assert config.identity.steps == identity.steps == config.training.steps
        found += 1
    assert found > 20
    for one, other in combinations([checkpoints.load_config(SKETCH / name) for name in MEMBERS], 2):
        assert one.identity.difference(other.identity, ("seed",)) == ""
        assert "seed" in one.identity.difference(other.identity)


# Replaced ---------------------------------------------------------------------------------------


def test_training_again_with_other_settings_or_data_needs_a_word(command, tmp_path):
    root = make_folder(tmp_path / "pets")
    words = ["train", "--data", root, "--recipe", "digits", "--method", "erm", "--target", "art"]
    words += ["--out", tmp_path / "out", "--runs", tmp_path / "runs"]
    assert command(*words)[0] == 0
    folder = tmp_path / "out" / "pets" / "art" / "erm-seed0"
    identity = checkpoints.load_config(folder).identity
    assert (identity.method, identity.learning_rate) == ("erm", 2e-3)
    assert identity.data == load_folder(root, 8).fingerprint()
    assert command(*words, "--bits", "5")[0] == 0, "full precision has no bit width"
    first = files_of(folder)

    for changes, said in (
        (("--learning-rate", "0.1"), "learning rate 0.002 instead of 0.1"),
        (("--steps", "6", "--quantize-step", "2", "--evaluate-every", "2"), "steps 4 instead of 6"),
        (("--image-size", "40"), "image size 32 instead of 40"),
    ):
        code, _, error = command(*words, *changes)
        assert code == 2
        assert f"{folder} holds another run, with {said}: give --replace" in error
        assert files_of(folder) == first

    (root / "sketch" / "dog" / "04.png").unlink()
    code, _, error = command(*words)
    assert code == 2
    assert "erm-seed0 holds another run, with other images: give --replace" in error
    assert files_of(folder) == first
    code, _, error = command(*words, "--learning-rate", "0.1", "--replace")
    assert code == 0, error
    assert checkpoints.load_config(folder).identity.learning_rate == 0.1
    assert files_of(folder) != first


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Skipped ----------------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path, monkeypatch) -> Callable[..., Sweep]:
    """`study(data)`: a sweep of runs that end at once and record which they are."""

    def record(self, path, run, data):
        words = (self.recipe, "pacs", (), (), data.fingerprint, (), (), 1.0, "", "", "", "")
        save_record(path, RunRecord(run, *words, data.identity(run)), {})

    monkeypatch.setattr(sweep, "train", lambda config, *_: config)
    monkeypatch.setattr(Sweep, "_record", record)

    def with_data(data: str) -> Sweep:
        run_data = dataclasses.replace(tiny_data(), fingerprint=data)
        monkeypatch.setattr(sweep, "load_run_data", lambda config: run_data)
        return Sweep("cpu", tmp_path, tmp_path / "records", tmp_path, data=data)

    return with_data


def test_a_sweep_takes_no_run_for_done_because_of_its_name(study):
    long = dataclasses.replace(CONFIG, steps=6000)

    def done(sweep: Sweep, *configs: TrainConfig) -> list[TrainConfig]:
        return sweep.run("pacs", list(configs), lambda config: print)

    one, other = study("one"), study("other")
    one = study("one")
    assert done(one, CONFIG) == [CONFIG]
    assert done(one, CONFIG, long) == [long]
    assert one.other("pacs", long) == "steps 3000 instead of 6000"
    assert done(one, CONFIG, long) == []
    other = study("other")
    assert done(other, CONFIG) == [CONFIG]
    assert other.other("pacs", CONFIG) == "other images"
    assert done(other, CONFIG) == []
    records = [load_record(path) for path in sorted(one.records.glob("*.json"))]
    assert len(records) == 3
    assert sorted((r.config.steps, r.identity.data) for r in records) == [
        (3000, "one"),
        (3000, "other"),
        (6000, "one"),
    ]
    names = sorted(path.stem for path in one.records.glob("*.json"))
    assert names[0] == "pacs-sketch-qt-dog-lsq-least-error-7bit-seed0"
    assert all(name.startswith(names[0]) for name in names)


def test_a_sweep_knows_older_records_of_its_runs(tmp_path):
    """A copy of the shipped ones, which are older than the identity."""
    shutil.copytree(RECORDS, tmp_path / "records")
    start = "elsewhere/mobilenet_v2_imagenet.safetensors"
    config = dataclasses.replace(CONFIG, method="erm", start_weights=start)
    old = load_record(RECORDS / "pacs-sketch-erm-seed0.json")
    config = dataclasses.replace(
        config,
        **{
            name: getattr(old.config, name) for name in ("steps", "quantize_step", "evaluate_every")
        },
    )
    places = (tmp_path, tmp_path / "records", tmp_path)
    known = Sweep("cpu-short", *places, data="of all", sampled_data="9bd018b70555f0e8")
    assert known.other("pacs", config) == ""
    assert known.record_path("pacs", config).stem.endswith("-seed0")
    changed = dataclasses.replace(known, sampled_data="0" * 16)
    assert changed.other("pacs", config) == "other images"


@pytest.mark.thorough
def test_a_sweep_says_whose_records_stay_and_leaves_their_checkpoints(
    command, tmp_path, monkeypatch
):
    monkeypatch.setattr(sweep, "OTHER_BITS", ())  # to round full precision to
    words = ["sweep", "--data", make_folder(tmp_path / "pets"), "--recipe", "digits"]
    words += ["--only", "sketch-erm-", "--start-weights", "none"]
    words += ["--records", tmp_path / "records", "--runs", tmp_path / "runs"]
    # The plan quantizes at several shares of the steps.
    RECIPES["digits"] = {**SMALL_RECIPE, "steps": 20, "quantize_step": 8, "evaluate_every": 4}
    code, out, _ = command(*words, "--most", "1")
    assert code == 0
    assert "1 of 5 runs are in" in out
    assert "other runs" not in out
    RECIPES["digits"] = {**RECIPES["digits"], "learning_rate": 0.5}
    code, out, _ = command(*words, "--list")
    assert "1 records in" in out
    assert "are of other runs, with learning rate 0.002 instead of 0.5: they stay" in out
    assert "0 of 5 runs are in" in out
    code, _, error = command(*words, "--most", "1")
    assert code == 2
    assert "erm-seed0 holds another run, with learning rate 0.002 instead of 0.5" in error
    assert command(*words, "--most", "1", "--replace")[0] == 0
    assert len(list((tmp_path / "records").glob("*erm-seed0*.json"))) == 2
    code, out, _ = command(*words, "--list")
    assert "1 of 5 runs are in" in out


# Joined -----------------------------------------------------------------------------------------


def save_member(folder: Path, seed: int, identity: RunIdentity | None = None, **changes) -> Path:
    """A QT-DoG checkpoint; `changes` are of its config or of its training record."""
    config = tiny.config("qt-dog", seed, 7)
    training = {f.name for f in dataclasses.fields(config.training)} & changes.keys()
    record = dataclasses.replace(
        config.training, identity=identity, **{name: changes.pop(name) for name in training}
    )
    config = dataclasses.replace(config, training=record, **changes)
    checkpoints.save(folder, storage.store(tiny.random_network(seed, 7)), config, "step\n")
    return folder


@pytest.fixture(scope="module")
def own_data(tmp_path_factory):
    """With the tiny checkpoints' classes and target domain."""
    root = tmp_path_factory.mktemp("data") / "pacs"
    for domain in ("photo", "sketch"):
        for label in tiny.CLASSES:
            source = make_folder(root.parent / "made", 1) / "art" / "cat"
            shutil.copytree(source, root / domain / label)
    return load_folder(root, tiny.SIZE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 20}, "steps 20 instead of 10"),
        ({"quantize_step": 6}, "quantize step 6 instead of 4"),
        ({"learning_rate": 0.5}, "learning rate 0.5 instead of 0.001"),
        ({"step_size_learning_rate": 0.5}, "step size learning rate 0.5 instead of 0.001"),
        ({"start_weights": "mine"}, "start weights mine instead of none"),
        ({"freeze_batch_norm": False}, "freeze batch norm False instead of True"),
        ({"split": "domainbed"}, "split domainbed instead of ours"),
        ({"images_per_domain": 4}, "images per domain 4 instead of 2"),
        ({"command": "train --quantizer lsq-fitted"}, "quantizer lsq-fitted instead of lsq"),
        ({"granularity": "tensor"}, "granularity tensor instead of channel"),
        ({"left_out": ("conv1.0", "fc")}, "the layers conv1.0, fc left out instead of fc"),
        ({"identity": RunIdentity(evaluate_every=5)}, "evaluate every 5 instead of 2"),
        ({"identity": RunIdentity(data="one")}, "other images"),
    ],
)
def test_members_of_an_ensemble_differ_in_their_seeds_alone(own_data, tmp_path, changes, said):
    same = {"identity": RunIdentity(evaluate_every=2, data="two")} if "identity" in changes else {}
    members = [
        save_member(tmp_path / "first", 0, **same),
        save_member(tmp_path / "second", 1, **changes),
    ]
    with pytest.raises(ValueError, match="an ensemble's members differ in their seeds") as raised:
        combine(members, own_data, tmp_path / "eoq")
    assert f"second is of another run than {members[0]}, with {said}:" in str(raised.value)
    assert not (tmp_path / "eoq").exists()


def test_one_seed_is_one_member(own_data, tmp_path):
    members = [save_member(tmp_path / str(k), k) for k in range(2)]
    assert combine(members, own_data, tmp_path / "eoq").method == "eoq"
    copy = Path(shutil.copytree(members[0], tmp_path / "copy"))
    with pytest.raises(ValueError, match="Two of the checkpoints are of the same seed"):
        combine([*members, copy], own_data, tmp_path / "three")


def test_members_are_refused_before_any_image_is_read(command, tmp_path):
    first, other = save_member(tmp_path / "0", 0), save_member(tmp_path / "1", 1, steps=20)
    rest = ("--data", tmp_path / "no-such-data", "--out", tmp_path / "eoq")
    for members, reason in (((first,), "at least two"), ((first, other), "steps 20 instead of 10")):
        code, _, error = command("ensemble", *members, *rest)
        assert (code, reason in " ".join(error.split())) == (2, True), error


def test_an_ensemble_takes_no_place_but_its_own(own_data, tmp_path):
    sketch = tmp_path / "pacs" / "sketch"
    members = [save_member(sketch / str(k), k) for k in range(3)]
    combine(members[:2], own_data, sketch / "eoq")
    combine(members[:2], own_data, sketch / "eoq")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("all of it")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for place, said in (
        (sketch, "sketch holds .*, which is no part of a checkpoint and would be lost"),
        (tmp_path / "thesis", "thesis holds chapter.txt, which is no part of a checkpoint"),
        (members[0], "0 is a checkpoint, but no EoQ: choose another folder"),
    ):
        for replace in (False, True):
            with pytest.raises(ValueError, match=said):
                combine(members[:2], own_data, place, replace)
    with pytest.raises(ValueError, match="eoq is EoQ of other members: give --replace"):
        combine(members[1:], own_data, sketch / "eoq")
    assert {path: path.read_bytes() for path in before} == before
    combine(members[1:], own_data, sketch / "eoq", replace=True)
    files = checkpoints.load_config(sketch / "eoq").files
    assert [file.path for file in files] == ["../1/config.json", "../2/config.json"]
    with pytest.raises(ValueError, match=r"thesis holds chapter\.txt"):
        save_member(tmp_path / "thesis", 0)


def test_an_ensemble_is_measured_on_its_members_own_images(own_data, tmp_path):
    """Without their first class all labels would be another class's, and the accuracy false."""
    own = tuple(own_data.domain(name).fingerprint() for name in ("photo", "photo", "photo"))
    own += (own_data.domain("sketch").fingerprint(),)
    members = [save_member(tmp_path / str(k), k, domain_fingerprints=own) for k in range(2)]
    assert combine(members, own_data, tmp_path / "eoq").target.total == len(
        own_data.domain("sketch")
    )
    lacks = dataclasses.replace(own_data, classes=own_data.classes[1:])
    with pytest.raises(DataError, match="was trained on pacs with the classes dog, elephant"):
        combine(members, lacks, tmp_path / "lacks")
    sketch = dataclasses.replace(own_data.domain("sketch"), content="other")
    other = dataclasses.replace(own_data, domains=(own_data.domains[0], sketch))
    with pytest.raises(DataError, match="on the images that are now in sketch of it"):
        combine(members, other, tmp_path / "other")
    assert not (tmp_path / "lacks").exists()
    assert not (tmp_path / "other").exists()


# Averaged ---------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_no_mean_mixes_records_of_different_studies(command, tmp_path):
    records = tmp_path / "records"
    shutil.copytree(RECORDS, records)
    whole = measured_rows(records)
    path = records / "pacs-sketch-erm-seed1.json"
    values = json.loads(path.read_text())
    values |= {"recipe": "longer", "config": values["config"] | {"steps": 1280}}
    (records / "pacs-sketch-erm-seed1-0123456789.json").write_text(json.dumps(values))
    with pytest.raises(
        ValueError, match="are of different studies, with steps 1200 instead of 1280"
    ):
        measured_rows(records)
    assert measured_rows(records, recipe="cpu") == whole
    for words in (["report", "--landscapes", tmp_path], ["ship", "--data", "rotated_digits"]):
        words += ["--records", records, "--out", tmp_path / "out"]
        code, _, error = command(*words)
        assert code == 2
        assert "no mean may mix them" in error
    code, _, error = command(
        *words[:1], "--recipe", "cpu", "--records", records, "--data", "nowhere"
    )
    assert "no mean" not in error
    words = ["report", "--landscapes", tmp_path, "--records", records, "--out", tmp_path / "out"]
    assert command(*words, "--recipe", "cpu")[0] == 0
    assert (tmp_path / "out" / "measured.csv").exists()
