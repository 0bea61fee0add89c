"""A checkpoint on disk: both ways bit for bit, its size, and everything that may be wrong."""

import dataclasses
import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from tiny import save_checkpoint
from torch import nn

from qtdog import checkpoints, models
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import CheckpointConfig, CheckpointError, TrainingRecord, storage
from qtdog.checkpoints.config import parse_config, to_json
from qtdog.data import Augmentation
from qtdog.models import start_weights
from qtdog.quantization import LSQConfig, quantize

SMALL = "shufflenet_v2_x0_5"
CLASSES = tuple(["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"])
RECORD = TrainingRecord(
    seed=0,
    steps=20,
    quantize_step=10,
    chosen_step=15,
    images_per_domain=16,
    learning_rate=5e-5,
    step_size_learning_rate=1e-3,
    freeze_batch_norm=True,
    start_weights="none",
    augmentation=Augmentation(),
    data_fingerprint="0123456789abcdef",
    seconds=1.5,
    hardware="two cores",
    versions="torch 2",
    commit="unknown",
    command="python -m qtdog train",
)


def config_of(architecture: str, bits: int) -> CheckpointConfig:
    return CheckpointConfig(
        method="erm" if bits == 32 else "qt-dog",
        architecture=architecture,
        classes=CLASSES,
        dataset="pacs",
        source_domains=("art", "photo"),
        target_domain="sketch",
        image_size=32,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.2, 0.3),
        bits=bits,
        granularity=None if bits == 32 else "channel",
        left_out=() if bits == 32 else ("fc",),
        source_validation=(Accuracy(3, 4), Accuracy(5, 6)),
        target=Accuracy(7, 9),
        training=RECORD,
    )


def trained(architecture: str, bits: int, seed: int) -> nn.Module:
    """A network with batch-norm statistics of its own, quantized unless `bits` is 32."""
    torch.manual_seed(seed)
    network = models.build(architecture, len(CLASSES))
    network.train()(torch.randn(8, 3, 32, 32))
    if bits < 32:
        quantize(network, LSQConfig(bits), [models.classifier_name(network)])
    return network.eval()


def write(folder: Path, architecture: str = SMALL, bits: int = 7, seed: int = 0) -> Path:
    stored = storage.store(trained(architecture, bits, seed))
    checkpoints.save(folder, stored, config_of(architecture, bits), "step\n")
    return folder


def write_ensemble(folder: Path, members: list[Path]) -> Path:
    config = dataclasses.replace(
        checkpoints.load_config(members[0]), method="eoq", source_validation=(), training=None
    )
    checkpoints.save_ensemble(folder, members, config)
    return folder


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> Path:
    """A folder with erm, two members and their ensemble; copied by the tests that break things."""
    root = tmp_path_factory.mktemp("originals")
    write(root / "erm", bits=32)
    members = [write(root / f"member{seed}", seed=seed) for seed in range(2)]
    write_ensemble(root / "eoq", members)
    return root


@pytest.fixture
def root(originals, tmp_path) -> Path:
    return Path(shutil.copytree(originals, tmp_path / "checkpoints"))


def refused(folder: Path, culprit: Path) -> str:
    """What CheckpointError says; its line begins with the file at fault."""
    with pytest.raises(CheckpointError) as error:
        checkpoints.load(folder)
    text = str(error.value)
    assert text.startswith(str(culprit)), text
    assert text.endswith(".")
    assert text.isprintable()
    return text.removeprefix(str(culprit)).strip()


def change_config(folder: Path, **changes) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def replace_model(folder: Path, content: bytes) -> None:
    """Another model.safetensors, and a config that vouches for it."""
    (folder / "model.safetensors").write_bytes(content)
    record = {
        "path": "model.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
    }
    change_config(folder, files=[record])


def change_tensors(folder: Path, **changes) -> None:
    """`name=value` with "__" for "."; None removes."""
    tensors = tensors_from_bytes((folder / "model.safetensors").read_bytes())
    for name, value in changes.items():
        name = name.replace("__", ".")
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value
    replace_model(folder, tensors_to_bytes(tensors))


# Both ways ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [2, 4, 7, 8, 32])
def test_a_loaded_network_is_the_stored_one_bit_for_bit(tmp_path, bits):
    stored = storage.store(trained(SMALL, bits, 0))
    evaluated = storage.restore(stored, SMALL, len(CLASSES))
    checkpoints.save(tmp_path / "c", stored, config_of(SMALL, bits), "step\n")
    loaded = checkpoints.load(tmp_path / "c")
    (network,) = loaded.networks
    assert not network.training
    assert network.state_dict().keys() == evaluated.state_dict().keys()
    for name, value in network.state_dict().items():
        expected = evaluated.state_dict()[name]
        assert value.dtype == expected.dtype
        assert value.contiguous().numpy().tobytes() == expected.contiguous().numpy().tobytes(), name
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(network(images), evaluated(images))


def test_the_config_survives_the_round_trip(root):
    written = config_of(SMALL, 7)
    loaded = checkpoints.load_config(root / "member0")
    assert dataclasses.replace(loaded, files=()) == written
    model = (root / "member0" / "model.safetensors").read_bytes()
    assert loaded.files[0].sha256 == hashlib.sha256(model).hexdigest()
    assert loaded.files[0].size_bytes == len(model)
    assert checkpoints.load(root / "member0").config == loaded


def test_a_checkpoint_is_read_with_safetensors_and_json_alone(root):
    values = json.loads((root / "member0" / "config.json").read_text())
    assert values["format_version"] == 1
    tensors = tensors_from_bytes((root / "member0" / "model.safetensors").read_bytes())
    codes = tensors["conv1.0.weight.codes"]
    assert codes.dtype == torch.uint8
    assert codes.numel() == 24 * 3 * 3 * 3 * 7 // 8
    assert tensors["conv1.0.weight.step_size"].shape == (24,)
    assert "fc.weight" in tensors


def test_an_ensemble_holds_its_members_networks_and_counts_their_weights_bytes(root):
    ensemble = checkpoints.load(root / "eoq")
    members = [checkpoints.load(root / f"member{k}") for k in range(2)]
    assert [m.folder.resolve() for m in ensemble.members] == [m.folder.resolve() for m in members]
    files = []
    for network, member in zip(ensemble.networks, members, strict=True):
        for name, value in network.state_dict().items():
            assert torch.equal(value, member.networks[0].state_dict()[name])
        files.append(member.folder / "model.safetensors")
    assert ensemble.size_bytes == sum(file.stat().st_size for file in files)


@pytest.mark.thorough
def test_a_7_bit_mobilenet_takes_under_a_quarter_and_five_little_more_than_one_in_float(tmp_path):
    erm = write(tmp_path / "erm", "mobilenet_v2", 32)
    members = [write(tmp_path / f"qt-dog-{k}", "mobilenet_v2", 7, k) for k in range(5)]
    eoq = write_ensemble(tmp_path / "eoq", members)

    def on_disk(*folders: Path) -> int:
        return sum((folder / "model.safetensors").stat().st_size for folder in folders)

    assert on_disk(members[0]) <= 0.24 * on_disk(erm)
    assert on_disk(*members) <= 1.15 * on_disk(erm)
    assert checkpoints.load(eoq).size_bytes == on_disk(*members)
    # 2,189,760 weights of 7 bits and a classifier of 7 x 1,280 in float.
    bits = checkpoints.load(members[0]).bits_per_weight
    assert bits == pytest.approx((7 * 2_189_760 + 32 * 8_960) / (2_189_760 + 8_960))
    assert checkpoints.load(erm).bits_per_weight == 32


def test_saving_again_replaces_the_checkpoint(root):
    write(root / "member0", bits=4, seed=7)
    assert checkpoints.load(root / "member0").config.bits == 4
    assert sorted(p.name for p in root.iterdir()) == ["eoq", "erm", "member0", "member1"]


def test_finding_lists_the_checkpoints_and_no_half_written_ones(root):
    shutil.copytree(root / "erm", root / ".member9.new")
    names = [folder.name for folder in checkpoints.find(root)]
    assert names == ["eoq", "erm", "member0", "member1"]
    assert checkpoints.find(root / "erm") == [root / "erm"]
    with pytest.raises(CheckpointError, match="does not exist"):
        checkpoints.find(root / "nowhere")
    (root / "empty").mkdir()
    with pytest.raises(CheckpointError, match="There is no checkpoint in"):
        checkpoints.find(root / "empty")


# Files that are not what they should be ---------------------------------------------------------


def test_a_missing_folder_config_or_model_is_named(root):
    missing = root / "nowhere"
    assert refused(missing, missing / "config.json") == "is missing."
    (root / "erm" / "model.safetensors").unlink()
    assert refused(root / "erm", root / "erm" / "model.safetensors") == "is missing."
    (root / "member0" / "config.json").unlink()
    assert refused(root / "member0", root / "member0" / "config.json") == "is missing."
    assert refused(root / "eoq", root / "eoq" / "../member0/config.json") == "is missing."


def test_a_folder_that_is_a_file_is_named(root):
    (root / "file").write_text("text")
    assert "cannot be read" in refused(root / "file", root / "file" / "config.json")
    shutil.rmtree(root / "member1")
    (root / "member1").write_text("text")
    assert "cannot be read" in refused(root / "eoq", root / "eoq" / "../member1/config.json")


@pytest.mark.parametrize("kept", [0, 1, 7, 1000, -1])
def test_a_truncated_model_is_named_with_both_sizes(root, kept):
    file = root / "member0" / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:kept])
    reason = refused(root / "member0", file)
    assert f"has {len(whole[:kept]):,} bytes instead of {len(whole):,}" in reason
    assert "truncated" in reason
    # An ensemble says so of its member.
    refused(root / "eoq", root / "eoq" / "../member0/model.safetensors")


@pytest.mark.parametrize("place", [0, 8, 5000, -1])
def test_one_changed_byte_in_the_model_is_noticed(root, place):
    file = root / "member0" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    assert "was changed: its SHA-256" in refused(root / "member0", file)


def test_one_changed_digit_in_a_members_config_is_noticed_by_the_ensemble(root):
    file = root / "member0" / "config.json"
    file.write_text(file.read_text().replace('"correct": 7', '"correct": 8'))
    reason = refused(root / "eoq", root / "eoq" / "../member0/config.json")
    assert "was changed: its SHA-256" in reason


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"step,loss\n1,2\n",
        b"\x80\x04K\x01.",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"\x00" * 99,
    ],
)
def test_a_config_that_is_not_json_is_refused(root, content):
    file = root / "erm" / "config.json"
    file.write_bytes(content)
    assert "is not JSON" in refused(root / "erm", file)


def test_a_truncated_config_is_refused_wherever_it_ends(root):
    file = root / "erm" / "config.json"
    whole = file.read_bytes().rstrip()
    for kept in range(0, len(whole), 97):
        file.write_bytes(whole[:kept])
        assert "is not JSON" in refused(root / "erm", file)


@pytest.mark.parametrize(
    "content", ["[]", "null", "7", '"qtdog"', "{}", '{"model_type": "resnet", "format": 1}']
)
def test_foreign_json_is_refused(root, content):
    file = root / "erm" / "config.json"
    file.write_text(content)
    assert "is not the config of a QT-DoG checkpoint" in refused(root / "erm", file)


def test_a_future_version_is_refused_and_says_what_to_do(root):
    change_config(root / "erm", format_version=2)
    reason = refused(root / "erm", root / "erm" / "config.json")
    assert "has format version 2; this program reads version 1" in reason
    assert "Update the program" in reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"classes": "dog"}, "'dog' should be a list"),
        ({"classes": ["dog", 3]}, "3 should be of type str"),
        ({"classes": ["dog"]}, "too few classes"),
        ({"image_size": "32"}, "'32' should be of type int"),
        ({"image_size": True}, "True should be of type int"),
        ({"image_size": 0}, "impossible image size"),
        ({"image_size": 10**6}, "impossible image size"),
        ({"bits": 1}, "impossible bit width, 1"),
        ({"bits": 16}, "impossible bit width, 16"),
        ({"method": "swad"}, "unknown method 'swad'"),
        ({"surprise": 1}, "'surprise' is unknown"),
        ({"target": {"correct": 1}}, "'total' is missing"),
        ({"training": [1]}, "should be an object"),
        (
            {"training": {**dataclasses.asdict(RECORD), "split": "mine"}},
            "'mine' should be one of 'ours', 'domainbed'",
        ),
        ({"mean": [0.5, 0.5]}, "mean"),
        ({"std": [0.5, 0.5, 0.0]}, "std"),
        ({"mean": [0.5, 0.5, float("nan")]}, "mean"),
        ({"files": []}, "does not say what model.safetensors must be"),
    ],
)
def test_a_config_with_a_wrong_value_says_which(root, changes, reason):
    change_config(root / "erm", **changes)
    assert reason in refused(root / "erm", root / "erm" / "config.json")


def test_a_config_that_lacks_a_value_says_which(root):
    file = root / "erm" / "config.json"
    values = json.loads(file.read_text())
    del values["std"]
    file.write_text(json.dumps(values))
    assert "'std' is missing" in refused(root / "erm", file)


# Models that are not what their config says -----------------------------------------------------


class Payload:
    """Unpickling it makes a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_pickle_under_a_checkpoints_name_is_refused_and_never_run(root, tmp_path, file):
    trap = tmp_path / "unpickled"
    content = pickle.dumps(Payload(trap))
    torch.save(Payload(trap), tmp_path / "model.pt")
    for harmful in (content, (tmp_path / "model.pt").read_bytes()):
        if file == "model.safetensors":
            replace_model(root / "erm", harmful)
            reason = "is not a safetensors file"
        else:
            (root / "erm" / file).write_bytes(harmful)
            reason = "is not JSON"
        assert reason in refused(root / "erm", root / "erm" / file)
        assert not trap.exists()
    pickle.loads(content)
    assert trap.exists(), "the payload must be one that works"


@pytest.mark.parametrize(
    ("folder", "changes", "reason"),
    [
        (
            "erm",
            {"fc__bias": torch.full((7,), float("nan"))},
            "'fc.bias' holds values that are not",
        ),
        (
            "erm",
            {"fc__bias": torch.full((7,), float("inf"))},
            "'fc.bias' holds values that are not",
        ),
        (
            "erm",
            {"fc__weight": torch.zeros(7, 1023)},
            "'fc.weight' has the shape (7, 1023) instead",
        ),
        ("erm", {"fc__bias": torch.zeros(7).double()}, "'fc.bias' is torch.float64 instead"),
        (
            "erm",
            {"fc__weight": torch.zeros(7, 1024).half()},
            "'fc.weight' is torch.float16 instead",
        ),
        ("erm", {"fc__bias": None}, "lacks ['fc.bias']"),
        ("erm", {"extra": torch.zeros(1)}, "unknown ['extra']"),
        ("member0", {"fc__bias": None, "fc__weight": None}, "lacks ['fc.bias', 'fc.weight']"),
        ("member0", {"conv1__0__bias": torch.full((24,), float("nan"))}, "'conv1.0.bias' holds"),
        (
            "member0",
            {"conv1__0__weight__step_size": torch.full((24,), float("nan"))},
            "'conv1.0.weight' has step sizes that are not finite",
        ),
        (
            "member0",
            {"conv1__0__weight__step_size": torch.full((24,), 3e38)},
            "'conv1.0.weight' holds values that are not finite",
        ),
        ("member0", {"conv1__0__weight__step_size": None}, "'conv1.0.weight' lacks its float32"),
        (
            "member0",
            {"conv1__0__weight__step_size": torch.ones(24).half()},
            "'conv1.0.weight' lacks its float32",
        ),
        (
            "member0",
            {"conv1__0__weight__step_size": torch.ones(23)},
            "'conv1.0.weight' has (23,) step sizes",
        ),
        (
            "member0",
            {"conv1__0__weight__codes": torch.zeros(566, dtype=torch.uint8)},
            "'conv1.0.weight' is not 648 packed codes of 7 bits",
        ),
        (
            "member0",
            {"conv1__0__weight__codes": torch.zeros(567, dtype=torch.int8)},
            "'conv1.0.weight' is not 648 packed codes of 7 bits",
        ),
        (
            "member0",
            {"layer9__codes": torch.zeros(1, dtype=torch.uint8)},
            f"{SMALL} has no weight 'layer9'",
        ),
        (
            "erm",
            {
                "conv1__0__weight": None,
                "conv1__0__weight__codes": torch.zeros(4 * 648, dtype=torch.uint8),
                "conv1__0__weight__step_size": torch.ones(24),
            },
            "a network in full precision has no codes",
        ),
    ],
)
def test_a_model_that_its_config_vouches_for_but_that_does_not_fit_is_refused(
    root, folder, changes, reason
):
    change_tensors(root / folder, **changes)
    text = refused(root / folder, root / folder / "model.safetensors")
    assert "does not hold what its config says" in text
    assert reason in text


def test_an_unknown_architecture_and_another_one_are_refused(root):
    change_config(root / "erm", architecture="shufflenet_v9")
    file = root / "erm" / "model.safetensors"
    assert "'shufflenet_v9' is not a torchvision" in refused(root / "erm", file)
    change_config(root / "erm", architecture="resnet18")
    assert "does not hold what its config says" in refused(root / "erm", file)


def test_another_number_of_bits_or_classes_is_refused(root):
    file = root / "member0" / "model.safetensors"
    change_config(root / "member0", bits=6)
    assert "packed codes of 6 bits" in refused(root / "member0", file)
    change_config(root / "member0", bits=32)
    refused(root / "member0", file)
    change_config(root / "member0", bits=7, classes=[*CLASSES, "car"])
    assert "'fc." in refused(root / "member0", file)


def test_a_safetensors_header_that_lies_is_refused(root):
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}).encode()
    unknown = json.dumps({"a": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}).encode()
    for text, body in ((header, b"\0" * 4), (unknown, b"\0"), (b"{}" * 9, b""), (b"[1]", b"")):
        replace_model(root / "erm", len(text).to_bytes(8, "little") + text + body)
        refused(root / "erm", root / "erm" / "model.safetensors")
    replace_model(root / "erm", (2**62).to_bytes(8, "little") + header)
    refused(root / "erm", root / "erm" / "model.safetensors")


# Ensembles --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../../elsewhere/member0/config.json",
        "../member0/../../secret/config.json",
        "/etc/config.json",
        "../member0/model.safetensors",
        "../config.json",
        "config.json",
        "..",
        "",
        "a/b/c/config.json",
    ],
)
def test_an_ensemble_never_reads_members_from_elsewhere(root, path):
    values = json.loads((root / "eoq" / "config.json").read_text())
    change_config(root / "eoq", files=[{**values["files"][0], "path": path}])
    reason = refused(root / "eoq", root / "eoq" / "config.json")
    assert reason == f"names a member elsewhere: '{path}'."


def test_a_member_with_an_impossible_name_is_missing(root):
    values = json.loads((root / "eoq" / "config.json").read_text())
    for name in ("a\0b", "x" * 5000):
        path = f"../{name}/config.json"
        change_config(root / "eoq", files=[{**values["files"][0], "path": path}])
        with pytest.raises(CheckpointError):
            checkpoints.load(root / "eoq")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("classes", [*CLASSES[1:], CLASSES[0]]),
        ("target_domain", "photo"),
        ("image_size", 64),
        ("bits", 4),
        ("mean", [0.1, 0.1, 0.1]),
    ],
)
def test_a_member_that_differs_from_its_ensemble_is_refused(root, field, value):
    change_config(root / "eoq", **{field: value})
    reason = refused(root / "eoq", root / "eoq" / "../member0/config.json")
    assert reason == f"differs from its ensemble in '{field}'."


def test_an_ensemble_without_members_is_refused(root):
    change_config(root / "eoq", files=[])
    assert refused(root / "eoq", root / "eoq" / "config.json") == "names no members."


# The augmentation in config.json -----------------------------------------------------------------


def test_the_augmentation_is_written_as_plain_values_and_read_back(tmp_path):
    changed = Augmentation(crop_area=0.5, flip=False, jitter=0.0)
    record = dataclasses.replace(RECORD, augmentation=changed)
    content = to_json(dataclasses.replace(config_of(SMALL, 32), training=record))
    assert json.loads(content)["training"]["augmentation"] == {
        "crop_area": 0.5,
        "crop_ratio": 4 / 3,
        "flip": False,
        "jitter": 0.0,
        "grey": 0.1,
    }
    assert parse_config(tmp_path, content).training.augmentation == changed


def test_a_config_with_the_augmentation_as_text_still_loads(tmp_path):
    values = json.loads(to_json(config_of(SMALL, 32)))
    for text, expected in (
        (
            "Augmentation(crop_area=0.7, crop_ratio=1.3333333333333333, flip=False, jitter=0, "
            "grey=1e-05)",
            Augmentation(flip=False, jitter=0.0, grey=1e-05),
        ),
        ("", None),
        ("something else", None),
        ("Augmentation(jitter=1.2.3)", None),
        ("Augmentation(flip=__import__('os').abort())", None),
    ):
        values["training"]["augmentation"] = text
        found = parse_config(tmp_path, json.dumps(values).encode()).training.augmentation
        assert found == expected
    values["training"]["augmentation"] = {"flip": "yes"}
    with pytest.raises(CheckpointError, match="'yes' should be of type bool"):
        parse_config(tmp_path, json.dumps(values).encode())
    for folder in checkpoints.find(Path(__file__).parents[1] / "checkpoints"):
        if training := checkpoints.load_config(folder).training:
            assert training.augmentation == Augmentation()


def test_a_git_lfs_pointer_in_place_of_weights_is_called_that(tmp_path):
    folder = save_checkpoint(tmp_path / "erm-seed0", "erm", 0)
    (folder / "model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 9100000\n"
    )
    with pytest.raises(CheckpointError) as error:
        checkpoints.load(folder)
    assert str(error.value) == (
        f"{folder / 'model.safetensors'} is a Git LFS pointer in place of the file: run 'git lfs "
        "pull'."
    )
    with pytest.raises(ValueError, match=r"start weights .* are a Git LFS pointer in place of the"):
        start_weights.read(str(folder / "model.safetensors"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source_validation": (Accuracy(3, 4),)}, "states 1 'source_validation' .* need 2."),
        ({"training": ("a", "b")}, "states 2 'domain_fingerprints' .* need 3."),
        ({"training": ("a", "b", "c", "d")}, "states 4 'domain_fingerprints' .* need 3."),
    ],
)
def test_what_is_stated_once_a_domain_is_stated_of_each(tmp_path, changes, said):
    if contents := changes.get("training"):
        changes = {"training": dataclasses.replace(RECORD, domain_fingerprints=contents)}
    config = dataclasses.replace(config_of(SMALL, 32), **changes)
    with pytest.raises(CheckpointError, match=f"config.json {said}"):
        parse_config(tmp_path / "config.json", to_json(config))
