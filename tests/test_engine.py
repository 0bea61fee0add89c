"""The engine says what torch says, and runs no graph that is not ours."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from bundled import BUNDLED, EOQ, IMAGE_SIZE, MEMBERS, SKETCH
from PIL import Image
from tiny import SIZE, save_set
from tiny import config as tiny_config

from qtdog import checkpoints, inference, models
from qtdog.checkpoints import (
    GRAPHS,
    LARGEST_GRAPH_BYTES,
    CheckpointError,
    graph_name,
    make_index,
    storage,
)
from qtdog.data import load
from qtdog.evaluation import as_network, predict_logits, stored_logits
from qtdog.explorer import Explorer
from qtdog.explorer.class_map import class_map
from qtdog.explorer.explain import grad_cam
from qtdog.images import read_image
from qtdog.inference import (
    find_graph,
    graphs,
    making,
    member_logits,
    members,
    onnx_network,
    open_stored,
)
from qtdog.inference.graph import Graph, GraphError, read_graph
from qtdog.inference.halves import halves
from qtdog.inference.onnx_messages import Model, canonical
from qtdog.inference.onnx_network import OnnxNetwork
from qtdog.inference.weights import stored_tensors, stored_weights
from qtdog.models import network_input
from qtdog.quantization import QUANTIZER_NAMES, QUANTIZERS, float_values, levels_of, quantize
from qtdog.ui.samples import samples

ROOT = Path(__file__).resolve().parents[1]
NARROWEST = min(
    (path.name for path in SKETCH.glob("qt-dog-*-seed0")),
    key=lambda name: int(re.search(r"(\d+)bit", name)[1]),  # type: ignore[index]
)
PACS = ROOT.parent / "shared" / "data" / "pacs"
GRAPH = graphs.BUNDLED / "mobilenet_v2-128px.onnx"
MOST = 1e-4  # between a logit of the engine and of torch

needs_pacs = pytest.mark.skipif(not PACS.is_dir(), reason="needs PACS in ../shared/data/pacs")
CAN_MAKE = making.can_make
needs_exporter = pytest.mark.skipif(not CAN_MAKE(), reason="needs onnx and onnxscript")


@pytest.fixture
def maker(monkeypatch):
    """Graphs are made, as without conftest."""
    monkeypatch.setattr(making, "can_make", CAN_MAKE)


def named(folder: Path) -> str:
    """What a test of one checkpoint is called."""
    return f"{folder.parent.name}-{folder.name}"


def pixels(image: Image.Image, config: checkpoints.CheckpointConfig) -> np.ndarray:
    return network_input(models.resize(image, config.image_size)[None], config.mean, config.std)


@torch.inference_mode()
def in_torch(folder: Path, images: np.ndarray) -> np.ndarray:
    networks = checkpoints.load(folder).networks
    return np.stack([network(torch.from_numpy(images)).numpy() for network in networks])


def same_as_torch(folder: Path, images: np.ndarray) -> None:
    opened = open_stored(folder)
    assert all(isinstance(one, OnnxNetwork) for one in opened.networks)
    loaded = checkpoints.load(folder)
    assert opened.bits_per_weight == pytest.approx(loaded.bits_per_weight, abs=1e-12)
    assert opened.size_bytes == loaded.size_bytes
    assert opened.config == loaded.config
    expected = in_torch(folder, images)
    assert np.abs(member_logits(opened.networks, images) - expected).max() < MOST


@pytest.fixture(scope="module")
def sample_inputs() -> np.ndarray:
    config = checkpoints.load_config(SKETCH / "erm-seed0")
    return np.concatenate([pixels(read_image(one.path), config) for one in samples()])


@pytest.mark.parametrize("name", ["erm-seed0", NARROWEST, EOQ])
def test_the_engine_gives_torchs_logits(name, sample_inputs):
    same_as_torch(SKETCH / name, sample_inputs)


@pytest.mark.slow
@pytest.mark.parametrize("folder", checkpoints.find(BUNDLED), ids=named)
def test_the_engine_gives_torchs_logits_of_every_checkpoint(folder, sample_inputs):
    same_as_torch(folder, sample_inputs)


@needs_pacs
@pytest.mark.slow
@pytest.mark.parametrize("folder", checkpoints.find(BUNDLED), ids=named)
def test_the_engine_gives_torchs_logits_on_real_images(folder):
    config = checkpoints.load_config(folder)
    files = sorted((PACS / config.target_domain).rglob("*.*"))
    chosen = [files[place] for place in np.linspace(0, len(files) - 1, 256).astype(int)]
    same_as_torch(folder, np.concatenate([pixels(read_image(one), config) for one in chosen]))


def test_images_enter_the_engine_as_they_enter_torch():
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3), np.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = models.to_network_input(torch.from_numpy(images), mean, std)
    assert np.abs(network_input(images, mean, std) - expected.numpy()).max() < 1e-6


def test_codes_stand_for_the_same_weights_as_in_torch():
    assert set(QUANTIZER_NAMES) == set(QUANTIZERS)
    step_size = np.array([0.5, 0.1, 3e-5], np.float32)
    for name in QUANTIZER_NAMES:
        levels = levels_of(name, 4)
        smallest, largest = levels.code_range
        codes = np.tile(np.arange(smallest, largest + 1, dtype=np.int8), (3, 1))
        expected = levels.values(torch.from_numpy(codes), torch.from_numpy(step_size)).numpy()
        assert np.array_equal(float_values(codes, step_size, name, 4), expected)
        with pytest.raises(ValueError, match="outside"):
            float_values(np.full((3, 1), largest + 1, np.int8), step_size, name, 4)


def test_more_images_than_at_once_and_fewer_than_cores_give_the_same(sample_inputs, monkeypatch):
    network = open_stored(SKETCH / "erm-seed0").networks[0]
    many = np.concatenate([sample_inputs] * 4)
    monkeypatch.setattr(network, "images_at_once", 5)
    asked = []
    logits = network.logits
    monkeypatch.setattr(
        network, "logits", lambda images: asked.append(len(images)) or logits(images)
    )
    answers = member_logits([network], many)
    assert sum(asked) == len(many)
    assert max(asked) <= 5
    assert np.abs(answers - in_torch(SKETCH / "erm-seed0", many)).max() < MOST


def test_the_halves_of_a_graph_do_what_the_whole_does(sample_inputs):
    graph = find_graph("mobilenet_v2", IMAGE_SIZE, BUNDLED)
    files = checkpoints.read_files(SKETCH / MEMBERS[0])
    weights = stored_weights(stored_tensors(files.model), files.config, graph)
    whole, cut = (OnnxNetwork(graph, weights, 7, in_halves) for in_halves in (False, True))
    assert whole.halves is None
    first, second = cut.halves
    assert np.abs(second(first(sample_inputs)) - whole.logits(sample_inputs)).max() < MOST / 10
    assert np.abs(cut.logits(sample_inputs) - whole.logits(sample_inputs)).max() < MOST / 10
    assert np.abs(cut.features(sample_inputs) - whole.features(sample_inputs)).max() < MOST
    weights_of = [
        {one.name for one in part.graph.initializer} & set(weights) for part in halves(graph.model)
    ]
    assert all(weights_of)
    assert not set.intersection(*weights_of)
    assert set.union(*weights_of) == set(weights)


class Sleeper:
    """A network that takes a tenth of a second, or two halves of that."""

    images_at_once, needs_torch, head = 64, False, None

    def __init__(self, answer: float, fails: bool = False) -> None:
        self.answer, self.fails = answer, fails
        self.halves = (self.first, self.second)

    def logits(self, images: np.ndarray) -> np.ndarray:
        time.sleep(0.1)
        return np.full((len(images), 2), self.answer, np.float32)

    def first(self, images: np.ndarray) -> np.ndarray:
        time.sleep(0.05)
        if self.fails:
            raise GraphError("It does not run.")
        return images + self.answer

    def second(self, values: np.ndarray) -> np.ndarray:
        time.sleep(0.05)
        return values.reshape(len(values), -1)[:, :2]


def test_five_networks_take_two_cores_two_and_a_half_rounds(monkeypatch):
    monkeypatch.setattr(members, "_cores", lambda: 2)
    images = np.zeros((1, 3, 4, 4), np.float32)
    began = time.monotonic()
    logits = member_logits([Sleeper(one) for one in range(5)], images)
    assert time.monotonic() - began < 0.29  # three rounds are 0.3
    assert np.array_equal(logits[:, 0, 0], np.arange(5))
    with pytest.raises(GraphError, match="It does not run"):
        member_logits([*(Sleeper(one) for one in range(4)), Sleeper(4, fails=True)], images)


def test_only_a_network_that_would_be_left_over_is_cut(monkeypatch):
    for cores, cut in ((1, False), (2, True), (4, True), (5, False), (8, False)):
        monkeypatch.setattr(members, "_cores", lambda cores=cores: cores)
        opened = open_stored(SKETCH / EOQ)
        assert [one.halves is not None for one in opened.networks] == [*[False] * 4, cut]


def test_evaluation_gives_torchs_classes():
    checkpoint = checkpoints.load(SKETCH / EOQ)
    images = np.stack([models.resize(read_image(one.path), IMAGE_SIZE) for one in samples()])
    config = checkpoint.config
    expected = predict_logits(as_network(checkpoint), images, config.mean, config.std)
    logits = stored_logits(open_stored(checkpoint.folder), images)
    assert np.abs(logits - expected).max() < MOST
    assert logits.argmax(1).tolist() == expected.argmax(1).tolist()


@needs_pacs
@pytest.mark.slow
def test_evaluation_counts_are_the_stated_ones():
    folder = BUNDLED / "pacs" / "photo" / EOQ
    checkpoint = open_stored(folder)
    photo = next(one for one in load(str(PACS), IMAGE_SIZE).domains if one.name == "photo")
    logits = stored_logits(checkpoint, photo.images)
    right = int((logits.argmax(1) == photo.labels).sum())
    assert (right, len(photo)) == (checkpoint.config.target.correct, checkpoint.config.target.total)


def test_where_two_logits_are_as_good_as_equal_torch_decides(monkeypatch):
    checkpoint = checkpoints.load(SKETCH / "erm-seed0")
    images = np.stack([models.resize(read_image(one.path), IMAGE_SIZE) for one in samples()[:4]])
    config = checkpoint.config
    expected = predict_logits(as_network(checkpoint), images, config.mean, config.std)

    class Tied:
        """Says of the second image that two classes are level."""

        images_at_once, needs_torch, head, halves = 64, False, None, None

        def logits(self, inputs: np.ndarray) -> np.ndarray:
            said = np.tile(np.arange(len(config.classes), dtype=np.float32), (len(inputs), 1))
            said[1, -2:] = 6.0, 6.00005
            return said

    monkeypatch.setattr(members, "_cores", lambda: 1)
    stored = dataclasses.replace(open_stored(checkpoint.folder), networks=(Tied(),))
    logits = stored_logits(stored, images)
    assert np.abs(logits[1] - expected[1]).max() < 1e-5
    assert logits[[0, 2, 3]].argmax(1).tolist() == [6, 6, 6]


# Grad-CAM -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["erm-seed0", EOQ])
def test_the_class_map_is_grad_cam(name, sample_inputs):
    opened, loaded = open_stored(SKETCH / name), checkpoints.load(SKETCH / name)
    for image in sample_inputs[:3, None]:
        for label in range(0, 7, 3):
            expected = grad_cam(loaded.networks, torch.from_numpy(image), label)
            assert np.abs(class_map(opened.networks, image, label) - expected).max() < MOST


# Without torch ------------------------------------------------------------------------------------

CLASSIFY = """
import sys
from pathlib import Path
from PIL import Image
from qtdog.explorer import Explorer
explorer = Explorer(Path(sys.argv[1]))
key = explorer.targets()[0].key
image = Image.new("RGB", (60, 40), "navy")
assert len(explorer.classify(image, key)) == 3
assert len(explorer.explain(image, key)) == 3
print([name for name in ("torch", "torchvision", "sklearn", "scipy") if name in sys.modules])
"""


def test_a_picture_is_classified_and_explained_without_torch():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CLASSIFY, str(BUNDLED)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# Foreign files ------------------------------------------------------------------------------------


def test_the_bundled_graphs_are_ours():
    for path in graphs.BUNDLED.glob("*.onnx"):
        facts = read_graph(path.read_bytes(), path.name).facts
        assert path.name == graph_name(facts.architecture, facts.image_size) + ".onnx"


def test_two_hundred_mutations_of_a_sets_graph_are_refused(tmp_path):
    content = GRAPH.read_bytes()
    random = np.random.default_rng(0)
    folder = tmp_path / GRAPHS
    folder.mkdir()
    path = folder / f"own-64px-{graphs.sha256(content)[:16]}.onnx"
    for turn in range(200):
        changed = bytearray(content)
        where = int(random.integers(len(content)))
        kind = turn % 4
        if kind == 0:
            changed[where] ^= 1 << int(random.integers(8))
        elif kind == 1:
            del changed[where:]
        elif kind == 2:
            changed[where:where] = random.bytes(int(random.integers(1, 40)))
        else:
            changed[where : where + 8] = random.bytes(8)
        path.write_bytes(changed)
        os.utime(path, ns=(turn, turn))  # files are known by their time
        with pytest.raises(GraphError, match="SHA-256"):
            find_graph("own", 64, tmp_path)


def changed_graph(change) -> bytes:
    model = Model.FromString(GRAPH.read_bytes())
    change(model)
    return canonical(model)


def operator(name: str):
    def change(model) -> None:
        model.graph.node[3].op_type = name

    return change


def location(place: str):
    def change(model) -> None:
        model.graph.initializer[0].external_data[0].value = place

    return change


def offset(model) -> None:
    model.graph.initializer[0].external_data.add(key="offset", value="0")


def domain(model) -> None:
    model.opset_import.add(domain="com.microsoft", version=1)


def large_weight(model) -> None:
    model.graph.initializer[0].dims[:] = [1 << 19, 1 << 19]


def negative_weight(model) -> None:
    model.graph.initializer[0].dims[0] = -1


def twice(model) -> None:
    model.graph.initializer.add().CopyFrom(model.graph.initializer[0])


def large_constant(model) -> None:
    model.graph.initializer.add(name="c", data_type=1, dims=[1 << 18], raw_data=bytes(1 << 20))


def short_constant(model) -> None:
    model.graph.initializer.add(name="c", data_type=7, dims=[4], raw_data=bytes(8))


def no_facts(model) -> None:
    del model.metadata_props[:]


def wrong_facts(model) -> None:
    model.metadata_props[0].value = '{"architecture": 3}'


def facts(**changes):
    def change(model) -> None:
        entry = model.metadata_props[0]
        entry.value = json.dumps(json.loads(entry.value) | changes)

    return change


def many_nodes(model) -> None:
    for turn in range(5_000):
        model.graph.node.add(op_type="Relu", input=["images"], output=[f"r{turn}"])


def many_weights(model) -> None:
    for turn in range(3):
        tensor = model.graph.initializer.add()
        tensor.CopyFrom(model.graph.initializer[0])
        tensor.name, tensor.dims[:] = f"w{turn}", [1 << 14, 1 << 14]


def second_input(model) -> None:
    model.graph.input.add(name="more")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (operator("Loop"), "operator 'Loop' is not allowed"),
        (operator("If"), "operator 'If' is not allowed"),
        (location("/etc/passwd"), "said to lie in another file"),
        (location("../weights"), "said to lie in another file"),
        (offset, "said to lie in another file"),
        (domain, "not ONNX's own"),
        (large_weight, "too large"),
        (negative_weight, "impossible shape"),
        (twice, "there twice"),
        (large_constant, "too large"),
        (short_constant, "another size"),
        (no_facts, "does not say which network"),
        (wrong_facts, "is not a graph of ours"),
        (second_input, "its input is not"),
        (many_nodes, "too many operations"),
        (many_weights, "its weights are too large"),
        (facts(quantizable=[]), "what it says of its weights"),
        (facts(quantizable=["nope"]), "what it says of its weights"),
        (facts(folds=[{"convolution": "a", "norm": "b", "epsilon": 1}]), "says of its weights"),
    ],
)
def test_a_graph_that_is_not_ours_is_refused_with_a_sentence(change, reason):
    with pytest.raises(GraphError, match=reason) as error:
        read_graph(changed_graph(change), "the file")
    assert str(error.value).startswith("the file ")


def test_files_that_are_no_graph_are_refused():
    unknown = GRAPH.read_bytes() + bytes([0xCA, 0x01, 0x01, 0x41])  # field 25: functions
    for content in (b"", b"PK\x03\x04", unknown, bytes(LARGEST_GRAPH_BYTES + 1)):
        with pytest.raises(GraphError, match="the file"):
            read_graph(content, "the file")


def test_mutations_that_keep_their_hash_never_pass_for_another_form():
    """A stranger names the changed file by its own hash: what is read is then bounded, all the
    same."""
    content, random = GRAPH.read_bytes(), np.random.default_rng(1)
    for _ in range(200):
        changed = bytearray(content)
        changed[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
        try:
            graph = read_graph(bytes(changed), "the file")
        except GraphError:
            continue
        assert canonical(graph.model) == bytes(changed)


def test_a_refused_graph_is_said_and_the_answer_is_torchs(tmp_path, sample_inputs):
    root = save_set(tmp_path / "set", members=1)
    name = graph_name(tiny_config("erm", 0, 32).architecture, SIZE)
    shutil.rmtree(root / GRAPHS)
    (root / GRAPHS).mkdir()
    (root / GRAPHS / f"{name}-{'0' * 16}.onnx").write_bytes(GRAPH.read_bytes())
    explorer = Explorer(root)
    answers = explorer.classify(read_image(samples()[0].path), "pacs/sketch")
    assert len(answers) == 3
    (problem,) = explorer.problems
    assert "SHA-256" in problem
    assert str(tmp_path) not in problem


def test_a_graph_of_another_network_does_not_run(tmp_path):
    config = tiny_config("erm", 0, 32)
    root = save_set(tmp_path / "set", members=1)
    files = checkpoints.read_files(root / "pacs" / "sketch" / "erm-seed0")
    graph = read_graph(GRAPH.read_bytes(), "the file")
    with pytest.raises(CheckpointError):
        stored_weights(stored_tensors(files.model), config, graph)


def test_a_bias_of_another_shape_is_refused_before_it_is_spread():
    """(n, 1) beside a batch norm's (n,) would make (n, n) numbers of a small file's n."""
    files = checkpoints.read_files(SKETCH / "erm-seed0")
    graph, tensors = (
        find_graph("mobilenet_v2", IMAGE_SIZE, BUNDLED),
        dict(stored_tensors(files.model)),
    )
    fold = graph.facts.folds[0]
    count = len(tensors[f"{fold.norm}.bias"])
    for shape in ((count, 1), (1,), (0,), (1, count)):
        tensors[f"{fold.convolution}.bias"] = np.zeros(shape, np.float32)
        with pytest.raises(CheckpointError, match=f"{fold.convolution} has a bias of another size"):
            stored_weights(tensors, files.config, graph)


def test_codes_for_what_has_no_channels_are_a_sentence_in_both_ways():
    """Of a number (a counter in torch, a weight of a stranger's graph) there is no first side."""
    codes = {"w.codes": torch.zeros(1, dtype=torch.uint8), "w.step_size": torch.ones(2)}
    stored = storage.StoredNetwork(codes, 7, "lsq")
    with pytest.raises(ValueError, match=r"\(2,\) step sizes"):
        storage._quantized_weight(stored, "w", torch.Size(()))
    config = tiny_config("qt-dog", 0, 7)
    graph = dataclasses.replace(read_graph(GRAPH.read_bytes(), "the file"), shapes={"w": ()})
    arrays = {name: value.numpy() for name, value in codes.items()}
    with pytest.raises(CheckpointError, match="step sizes"):
        stored_weights(arrays, config, graph)


def with_more(add) -> Graph:
    """The network's graph, with what `add(model)` computes added to its logits."""

    def change(model) -> None:
        for one in model.graph.node:
            one.output[:] = ["old" if name == "logits" else name for name in one.output]
        last = add(model)
        model.graph.node.add(op_type="ReduceMean", input=[last], output=["all"])
        model.graph.node.add(op_type="Add", input=["all", "old"], output=["logits"])

    return read_graph(changed_graph(change), "the file")


def network_of(graph) -> OnnxNetwork:
    files = checkpoints.read_files(SKETCH / "erm-seed0")
    return OnnxNetwork(graph, stored_weights(stored_tensors(files.model), files.config, graph), 7)


def grow(model) -> str:
    """Concatenated with itself again and again, a stranger's value would fill the machine."""
    last = "images"
    for turn in range(40):
        node = model.graph.node.add(op_type="Concat", input=[last, last], output=[f"g{turn}"])
        node.attribute.add(name="axis", i=1, type=2)
        last = f"g{turn}"
    return last


def expand(model) -> str:
    """What depends on no image could be computed before, beside the bound."""
    sides = np.array([24_000, 24_000], np.int64).tobytes()
    model.graph.initializer.add(name="one", data_type=1, dims=[1, 1], raw_data=bytes(4))
    model.graph.initializer.add(name="sides", data_type=7, dims=[2], raw_data=sides)
    model.graph.node.add(op_type="Expand", input=["one", "sides"], output=["large"])
    return "large"


@pytest.mark.parametrize("add", [grow, expand])
def test_a_graph_asks_for_no_more_memory_than_is_allowed(add):
    with pytest.raises(GraphError, match="does not run"):
        network_of(with_more(add))


def products(model) -> str:
    last = "images"
    for turn in range(4_000):
        model.graph.node.add(op_type="MatMul", input=[last, "images"], output=[f"p{turn}"])
        last = f"p{turn}"
    return last


def test_a_graph_asks_for_no_more_time_than_is_allowed(monkeypatch):
    monkeypatch.setattr(onnx_network, "MOST_SECONDS_AN_IMAGE", 0.05)
    with pytest.raises(GraphError, match=r"The graph of mobilenet_v2 takes over 0\.1 seconds\."):
        network_of(with_more(products))


def test_what_a_session_raises_later_is_a_sentence_too():
    network = network_of(read_graph(GRAPH.read_bytes(), "the file"))
    with pytest.raises(CheckpointError, match="The graph of mobilenet_v2 does not run"):
        network.logits(np.zeros((1, 4, 128, 128), np.float32))


# Making graphs ------------------------------------------------------------------------------------


@needs_exporter
@pytest.mark.slow
def test_a_made_graph_serves_every_checkpoint_of_a_set(maker, tmp_path):
    """Also with other classes than it was made with, INQ and live batch norm."""
    root = save_set(tmp_path / "set", members=2)
    shutil.rmtree(root / GRAPHS)
    path = inference.provide_graph(tiny_config("erm", 0, 32).architecture, SIZE, root)
    assert path.parent == root / GRAPHS
    assert inference.provide_graph(tiny_config("erm", 0, 32).architecture, SIZE, root) is None
    images = np.random.default_rng(0).normal(size=(3, 3, SIZE, SIZE)).astype(np.float32)
    for folder in checkpoints.find(root):
        same_as_torch(folder, images)


def test_an_index_lists_a_sets_graphs_and_what_changed_is_refused(tmp_path):
    root = save_set(tmp_path / "set", members=1)
    shutil.rmtree(root / GRAPHS)
    assert b"graphs" not in checkpoints.index_json(make_index(root))  # older programs read that
    content = GRAPH.read_bytes()
    name = graph_name(tiny_config("erm", 0, 32).architecture, SIZE)
    path = root / GRAPHS / f"{name}-{graphs.sha256(content)[:16]}.onnx"
    path.parent.mkdir()
    path.write_bytes(content)
    (root / checkpoints.INDEX).write_bytes(checkpoints.index_json(make_index(root)))
    opened = checkpoints.CheckpointSet(root)
    assert [one.path for one in opened.index.graphs] == [f"{GRAPHS}/{path.name}"]
    folder = root / "pacs" / "sketch" / "erm-seed0"
    opened.ensure(folder)
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(CheckpointError, match="SHA-256"):
        checkpoints.CheckpointSet(root).ensure(folder)


NETWORKS = [
    ("mobilenet_v2", 96),
    ("resnet18", 64),
    ("resnet50", 64),
    ("efficientnet_b0", 64),
    ("convnext_tiny", 64),
    ("vit_b_16", 32),
    ("timm/tf_efficientnet_lite0", 64),
    ("timm/deit_small_patch16_224", 32),
]


@needs_exporter
@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "size"), NETWORKS)
@pytest.mark.parametrize("bits", [32, 7])
def test_networks_go_through_the_engine(architecture, size, bits, maker, tmp_path):
    torch.manual_seed(1)
    network = models.build(architecture, 5, image_size=size).eval()
    for layer in network.modules():
        if isinstance(layer, models.NORM_LAYERS):
            layer.running_mean.normal_(std=0.1)
            layer.running_var.uniform_(0.5, 2)
    if bits < 32:
        quantize(network, QUANTIZERS["lsq"](bits), [models.classifier_name(network)])
    config = dataclasses.replace(
        tiny_config("erm" if bits == 32 else "qt-dog", 0, bits),
        architecture=architecture,
        image_size=size,
        classes=tuple("abcde"),
    )
    folder = tmp_path / "set" / "pacs" / "sketch" / "one"
    checkpoints.save(folder, storage.store(network), config, "step\n")
    assert inference.provide_graph(architecture, size, tmp_path / "set")
    images = np.random.default_rng(0).normal(size=(3, 3, size, size)).astype(np.float32)
    same_as_torch(folder, images)
    opened = open_stored(folder)
    if opened.networks[0].head is not None:
        expected = grad_cam(checkpoints.load(folder).networks, torch.from_numpy(images[:1]), 2)
        assert np.abs(class_map(opened.networks, images[:1], 2) - expected).max() < MOST


@pytest.mark.thorough
def test_however_a_set_is_named_no_sentence_says_where_it_lies(tmp_path, monkeypatch):
    save_set(tmp_path / "set", members=1)
    (graph,) = (tmp_path / "set" / GRAPHS).glob(f"*-{SIZE}px-*.onnx")
    graph.write_bytes(graph.read_bytes()[:-1])
    (tmp_path / "link").symlink_to("set")
    monkeypatch.chdir(tmp_path)
    for given in ("set", "set/../link"):
        explorer = Explorer(Path(given))
        assert explorer.checkpoint_set.origin.name == Path(given).name
        explorer.classify(Image.new("RGB", (SIZE, SIZE)), "pacs/sketch")
        (said,) = explorer.problems
        assert said.startswith(f"{GRAPHS}/{graph.name} was changed: its SHA-256 is not the one in ")
