"""Checkpoint sets from the Hub: the real client against the protocol stand-in."""

import re
import shutil
from pathlib import Path

import hub_faults
import pytest
import torch
from hub_faults import CASES, EMPTY, FULL_DISK_BYTES, LONGEST_SECONDS, Case, Sets
from hub_server import HubServer
from PIL import Image
from tiny import CLASSES, GRAPHS, SIZE
from typer.testing import CliRunner

import qtdog
from qtdog import checkpoints, models
from qtdog.checkpoints import INDEX, CheckpointError, index_json, make_index
from qtdog.checkpoints.index import parse_index
from qtdog.cli import app
from qtdog.explorer import Explorer, Guests, open_explorer, opening
from qtdog.hub import HubRepository, fetch
from qtdog.hub.sources import open_set
from qtdog.inference import Ensemble
from qtdog.places import cache_folder

TARGET = "pacs/sketch"
EOQ = Path(TARGET) / "eoq-7bit"


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Sets:
    return Sets.make(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def answers(sets):
    """What the models of the published files make of a picture."""
    return Explorer(sets.newest).classify(picture(), TARGET)


def picture() -> Image.Image:
    return Image.linear_gradient("L").resize((90, 70)).convert("RGB")


@pytest.fixture
def hub(tmp_path):
    with HubServer(tmp_path / "hub") as server:
        yield server


@pytest.fixture
def options(hub, tmp_path) -> dict:
    return {"endpoint": hub.endpoint, "cache": tmp_path / "hub-cache", "patience": 5.0}


def gets(hub: HubServer) -> list[str]:
    """The files whose content was asked for."""
    return sorted(request.file for request in hub.log if request.stage == "get")


# The index --------------------------------------------------------------------------------------


def test_the_index_survives_the_round_trip_and_names_every_file(sets):
    index = make_index(sets.newest)
    assert parse_index(INDEX, index_json(index)) == index
    listed = {f"{one.path}/{file.path}" for one in index.checkpoints for file in one.files}
    there = {
        path.relative_to(sets.newest).as_posix()
        for path in sets.newest.glob("*/*/*/*")
        if path.suffix in (".json", ".safetensors")
    }
    assert listed == there


def test_a_local_set_with_an_index_is_checked_against_it(sets, tmp_path):
    root = Path(shutil.copytree(sets.older, tmp_path / "set"))
    open_set(str(root)).ensure(root / EOQ)
    weights = root / TARGET / "qt-dog-7bit-seed1" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[::-1])
    with pytest.raises(CheckpointError, match=r"seed1/model\.safetensors was changed"):
        open_set(str(root)).ensure(root / EOQ)


# From the Hub -----------------------------------------------------------------------------------


def test_only_what_is_asked_for_is_downloaded_and_a_second_start_downloads_nothing(
    hub, sets, options
):
    commit = hub.commit_folder("lab/set", sets.newest)
    steps = []
    chosen = open_set("lab/set", lambda done, total: steps.append((done, total)), **options)
    configs = [f"{TARGET}/{name.name}/config.json" for name in (sets.newest / TARGET).iterdir()]
    assert gets(hub) == sorted([INDEX, *configs])
    hub.clear_log()
    steps.clear()
    chosen.ensure(chosen.root / EOQ)
    members = [f"{TARGET}/qt-dog-7bit-seed{k}/model.safetensors" for k in range(3)]
    (graph,) = (f"{checkpoints.GRAPHS}/{one.name}" for one in GRAPHS.iterdir())
    assert gets(hub) == [graph, *members]
    total = sum((sets.newest / one).stat().st_size for one in (graph, *members))
    assert steps[-1] == (total, total)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert len(steps) > 10
    origin = chosen.describe()
    assert (origin.name, origin.revision, origin.commit) == ("lab/set", "main", commit)
    assert origin.phrase.endswith(f"revision main, commit {commit[:10]}")

    hub.clear_log()
    again = open_set("lab/set", **options)
    again.ensure(again.root / EOQ)
    assert [request.method for request in hub.log] == ["HEAD"]  # which commit main is
    hub.clear_log()
    pinned = open_set(f"lab/set@{commit}", **options)
    pinned.ensure(pinned.root / EOQ)
    assert hub.log == []


def test_predictions_from_the_hub_are_those_of_the_local_files(hub, sets, options, answers):
    hub.commit_folder("lab/set", sets.newest)
    published = open_explorer("lab/set", sets.older, **options)
    assert published.checkpoint_set.describe().notice == ""
    for ours, theirs in zip(published.classify(picture(), TARGET), answers, strict=True):
        assert (ours.method, ours.probabilities) == (theirs.method, theirs.probabilities)
        assert ours.members == theirs.members


def test_where_no_set_is_bundled_a_hub_that_has_none_is_the_answer(hub, sets, options):
    with pytest.raises(CheckpointError, match="lab/set") as told:
        open_explorer("lab/set", None, **options)
    assert "bundled" not in str(told.value)
    assert str(told.value) in open_set_or_bundled(sets, options)
    hub.commit_folder("lab/set", sets.older)
    assert open_explorer("lab/set", None, **options).checkpoint_set.describe().kind == "hub"


def open_set_or_bundled(sets, options) -> str:
    """The notice of the bundled set that is shown instead."""
    return open_explorer("lab/set", sets.older, **options).checkpoint_set.describe().notice


def test_a_revision_is_shown_as_it_was(hub, sets, options):
    older = hub.commit_folder("lab/set", sets.older)
    hub.repository("lab/set").tags["v1"] = older
    newest = hub.commit_folder("lab/set", sets.newest)
    assert open_set("lab/set@v1", **options).describe().commit == older
    assert open_set("lab/set", **options).describe().commit == newest
    assert open_set(f"lab/set@{older}", **options).describe().commit == older


def test_a_folder_comes_before_a_repository_of_the_same_name(sets, tmp_path, monkeypatch):
    shutil.copytree(sets.older, tmp_path / "lab" / "set")
    monkeypatch.chdir(tmp_path)
    assert open_set("lab/set").describe().kind == "folder"
    assert HubRepository.parse("lab/set@v1.0/x").revision == "v1.0/x"
    for text in ("nothing", "/lab/set", "lab/set/x", "../set", "lab/set@", "http://lab/set"):
        assert HubRepository.parse(text) is None
        with pytest.raises(CheckpointError, match="does not exist"):
            open_set(text)


@pytest.mark.parametrize(
    "text",
    [
        "lab/set@x/../../../../secret",
        "lab/set@main..",
        "lab/set@a//b",
        "lab/set@" + "x" * 300,
        "l" * 3000 + "/set",
        "lab/" + "s" * 200,
        "lab--other/set",
        "lab/set.git",
        "lab/a..b",
    ],
)
def test_no_address_names_a_file_outside_the_cache_or_one_that_no_disk_holds(text, tmp_path):
    """The cache's refs/REVISION would be read, wherever ".." leads."""
    refs = tmp_path / "models--lab--set" / "refs" / "x"
    refs.mkdir(parents=True)
    assert HubRepository.parse(text, cache=tmp_path) is None
    with pytest.raises(CheckpointError, match=r"\.$"):
        Guests(cache=tmp_path).open(text)


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, sets, options):
    hub.commit_folder("lab/set", sets.newest)
    chosen = open_set("lab/set", **options)
    hub.fail("get", path="*/erm-seed0/*", cut=1_000_000, times=1)
    hub.clear_log()
    chosen.ensure(chosen.root / TARGET / "erm-seed0")
    starts = [one.range for one in hub.log if one.stage == "get" and "erm-seed0" in one.path]
    assert starts[0] == ""
    assert int(re.fullmatch(r"bytes=(\d+)-", starts[1])[1]) > 900_000


def test_the_token_stays_with_the_hub(hub, sets, options):
    hub.token = "secret"
    hub.commit_folder("lab/set", sets.newest)
    hub.repository("lab/set").private = True
    with pytest.raises(CheckpointError, match=r"no such repository.*private and needs a token"):
        open_set("lab/set", **options, token=False)
    chosen = open_set("lab/set", **options, token="secret")
    chosen.ensure(chosen.root / EOQ)
    elsewhere = [request.token for request in hub.log if request.path.startswith("/cdn")]
    assert elsewhere == [""] * 4, "three members and the graph"
    hub.token = "another"
    with pytest.raises(CheckpointError, match="refuses the token"):
        open_set("lab/set", **options, token="secret")


def test_a_later_fault_is_told_and_mended(hub, sets, options):
    """The weights of a target that somebody chooses cannot be had just then."""
    hub.commit_folder("lab/set", sets.newest)
    explorer = Explorer(open_set("lab/set", **options))
    hub.fail("get", path="*.safetensors", status=500)
    for _ in range(2):  # the second time without asking
        with pytest.raises(CheckpointError, match=r"lab/set: the Hub has a fault of its own"):
            explorer.classify(picture(), TARGET)
    assert explorer.problems == ["lab/set: the Hub has a fault of its own (500)."]
    hub.heal()
    explorer.checkpoint_set._failure = (0.0, "")  # the pause is over
    assert explorer.read(explorer.root / EOQ).config.method == "eoq"
    assert explorer.problems == []


# Faults -----------------------------------------------------------------------------------------


def check(case: Case, sets: Sets, folder: Path) -> None:
    """Run a case and judge what came of it."""
    outcome = hub_faults.run(case, sets, folder)
    if case.sees:
        assert re.search(case.sees, outcome.seen), outcome.seen
        assert outcome.seen.startswith("lab/")
        assert outcome.seen.count("\n") == 0
        assert outcome.shown == ("bundled set" if case.start == EMPTY else "older commit")
    else:
        assert outcome.seen == ""
    assert outcome.seconds < LONGEST_SECONDS
    assert outcome.damaged == 0
    wanted = "older commit" if case.special.startswith("damaged") else "newest commit"
    assert outcome.after == wanted


def named(case: Case) -> str:
    return f"{case.start}-{case.where}-{case.what}"


def may_mount(tmp_path: Path) -> None:
    try:
        with hub_faults.full_disk(tmp_path / "cache"):
            pass
    except PermissionError:
        pytest.skip(f"a file system of {FULL_DISK_BYTES:,} bytes cannot be mounted here")


FAST = [case for case in CASES if case.fault.get("corrupt") or case.special == "no network"][::3]


@pytest.mark.parametrize("case", FAST, ids=named)
def test_a_fault_is_told_in_a_sentence_and_leaves_no_trace(case, sets, tmp_path):
    check(case, sets, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case not in FAST], ids=named)
def test_every_fault_is_told_in_a_sentence_and_leaves_no_trace(case, sets, tmp_path):
    if case.special == "disk full":
        may_mount(tmp_path / "mount")
    check(case, sets, tmp_path / "case")


# qtdog.load and fetch ---------------------------------------------------------------------------


def test_load_gives_a_plain_network_with_its_preprocessing_and_classes(hub, sets, options):
    image = picture()
    hub.commit_folder("lab/set", sets.newest)
    hub.clear_log()
    for method, name in (("erm", "erm-seed0"), ("eoq", "eoq-7bit")):
        network = qtdog.load("lab/set", target="sketch", method=method, **options)
        local = checkpoints.load(sets.newest / TARGET / name)
        assert not network.training
        assert network.classes == CLASSES
        pixels = network.preprocess(image.convert("L"))
        inputs = models.preprocess(image, SIZE, local.config.mean, local.config.std)
        assert torch.equal(pixels, inputs)
        with torch.inference_mode():
            expected = Ensemble(local.networks)(inputs)
            assert torch.equal(network(pixels), expected)
    folder = qtdog.load(sets.newest, target=TARGET)
    assert isinstance(folder, torch.nn.Module)
    with pytest.raises(ValueError, match=r"no target 'photo'. There are: pacs/sketch\."):
        qtdog.load(sets.newest, target="photo")
    with pytest.raises(ValueError, match=r"no 'freeze' for pacs/sketch. There are: "):
        qtdog.load(sets.newest, target="sketch", method="freeze")


def test_fetch_downloads_a_target_or_everything(hub, sets, options):
    hub.commit_folder("lab/set", sets.newest)
    with pytest.raises(CheckpointError, match=r"no target 'photo'. There are: pacs/sketch\."):
        fetch("lab/set", ["photo"], **options)
    origin, folder = fetch("lab/set", ["sketch"], **options)
    for file in sets.newest.rglob("*.safetensors"):
        assert (folder / file.relative_to(sets.newest)).read_bytes() == file.read_bytes()
    assert origin.commit == folder.name
    refused = CliRunner().invoke(app, ["fetch", "nonsense"])
    assert "ORG/REPO[@REVISION]" in str(refused.exception)


# Sets beside ours -------------------------------------------------------------------------------


def test_another_set_answers_beside_ours(hub, sets, options, answers):
    commit = hub.commit_folder("lab/set", sets.newest)
    guests = Guests(**options)
    guest = guests.open(" lab/set ")
    assert guest.key == f"lab/set@{commit[:10]}"
    assert [target.classes for target in guest.targets] == [CLASSES]
    for target in (TARGET, "other/target"):
        columns = guests.classify(guest.key, picture(), target)
        assert [one.model for one in columns] == ["QT-DoG, lab/set", "EoQ, lab/set"]
        assert [one.probabilities for one in columns] == [one.probabilities for one in answers[1:]]
    with pytest.raises(CheckpointError, match="no longer open"):
        guests.classify("lab/other@0", picture(), TARGET)


def test_what_visitors_open_is_bounded_on_disk(hub, sets, options, monkeypatch):
    def there() -> set[str]:
        return {one.name for one in options["cache"].glob("models--*")}

    for name in "abc":
        hub.commit_folder(f"lab/{name}", sets.newest)
    guests = Guests(**options)
    guests.open("lab/a")
    size = sum(one.lstat().st_size for one in options["cache"].rglob("*") if one.is_file())
    monkeypatch.setattr(opening, "GUEST_CACHE_BYTES", 3 * size // 2)
    guests.open("lab/b")
    key = guests.open("lab/a").key
    assert there() == {"models--lab--a"}, "lab/b was used longer ago"
    guests.open("lab/c")
    monkeypatch.setattr(opening, "GUEST_CACHE_BYTES", 0)
    guests.open("lab/c")
    assert there() == {"models--lab--c"}
    assert guests.classify(key, picture(), TARGET), "an open set answers on"
    hub.clear_log()
    with pytest.raises(CheckpointError, match=r"lab/b lists [\d,]+ bytes; of another set at most"):
        Guests(**options, most_bytes=size // 2).open("lab/b")
    assert gets(hub) == [INDEX], "nothing else is downloaded"
    assert Guests()._options["cache"] == cache_folder() / "guests"


def test_a_set_of_a_strangers_with_a_fault_is_told(hub, sets, options):
    hub.commit("lab/set", {"README.md": b"nothing else"})
    with pytest.raises(CheckpointError, match=r"lab/set: it has no file 'index.json' \(404\)\."):
        Guests(**options).open("lab/set")
