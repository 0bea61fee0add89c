"""Networks by name, their start weights, their modes, and how an image enters them."""

import gc
import resource
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from architectures import small_transformer
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.ops import StochasticDepth
from torchvision.transforms import v2

from qtdog import models
from qtdog.models import torchvision_networks

SMALL = "shufflenet_v2_x0_5"


@pytest.mark.parametrize(
    "architecture",
    [
        "alexnet",
        "convnext_tiny",
        "densenet121",
        "efficientnet_b0",
        "efficientnet_v2_s",
        "maxvit_t",
        "mnasnet0_5",
        "mobilenet_v2",
        "mobilenet_v3_small",
        "resnet18",
        "resnext50_32x4d",
        "shufflenet_v2_x0_5",
        "squeezenet1_0",
        "swin_t",
        "vgg11",
        "vit_b_16",
        "wide_resnet50_2",
    ],
)
def test_every_family_gets_a_head_for_the_classes_and_it_is_the_classifier(architecture):
    with torch.device("meta"):
        network = models.build(architecture, 7)
    head = network.get_submodule(models.classifier_name(network))
    assert head.weight.shape[0] == 7
    others = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and m != head]
    assert not any(layer.weight.shape[0] == 7 for layer in others)
    dropping = [m for m in network.modules() if isinstance(m, (nn.Dropout, StochasticDepth))]
    assert all(layer.p == 0 for layer in dropping)


def test_an_unknown_architecture_is_an_error_that_lists_what_exists():
    for name in ("resnet19", "fcos_resnet50_fpn", "get_model", ""):  # a detector is none, either
        with pytest.raises(ValueError, match=f"'{name}' is not .* There are: .*resnet18"):
            models.build(name, 7)


def test_start_weights_from_a_file_fill_everything_but_the_head(tmp_path):
    torch.manual_seed(1)
    start = models.build(SMALL, 1000)
    file = tmp_path / "start.safetensors"
    save_file(start.state_dict(), file)
    torch.manual_seed(2)
    network = models.build(SMALL, 4, str(file))
    for name, value in network.state_dict().items():
        if name.startswith("fc."):
            assert value.shape[0] == 4
        else:
            assert torch.equal(value, start.state_dict()[name]), name


def test_start_weights_without_batch_norms_counters_are_fine(tmp_path):
    state = models.build(SMALL, 1000).state_dict()
    file = tmp_path / "start.safetensors"
    save_file({n: v for n, v in state.items() if "num_batches_tracked" not in n}, file)
    network = models.build(SMALL, 4, str(file))
    assert torch.equal(network.conv1[0].weight, state["conv1.0.weight"])


def test_start_weights_that_do_not_fit_are_named(tmp_path):
    state = models.build(SMALL, 1000).state_dict()
    file = tmp_path / "start.safetensors"
    with pytest.raises(ValueError, match=r"start\.safetensors do not exist"):
        models.build(SMALL, 4, str(file))
    file.write_bytes(b"PK\x03\x04 no safetensors")
    with pytest.raises(ValueError, match=r"start\.safetensors are not a safetensors file"):
        models.build(SMALL, 4, str(file))
    save_file({n: v for n, v in state.items() if n != "conv1.0.weight"}, file)
    with pytest.raises(ValueError, match=r"missing \['conv1.0.weight'\]"):
        models.build(SMALL, 4, str(file))
    save_file({**state, "more": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match=r"unknown \['more'\]"):
        models.build(SMALL, 4, str(file))
    save_file({**state, "conv1.0.weight": torch.zeros(1, 3, 3, 3)}, file)
    with pytest.raises(ValueError, match=r"start\.safetensors does not fit the network"):
        models.build(SMALL, 4, str(file))


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    """Where torch keeps what it downloaded; a file that is there already is not asked for."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)

    def place(architecture: str) -> Path:
        url = torchvision.models.get_model_weights(architecture).DEFAULT.url
        return folder / url.rpartition("/")[2]

    return place


@pytest.mark.parametrize("word", ["pretrained", "torchvision"])
def test_torchvisions_own_weights_fill_everything_but_the_head(word, downloads):
    state = models.build(SMALL, 1000).state_dict()
    torch.save(state, downloads(SMALL))
    network = models.build(SMALL, 4, word)
    assert torch.equal(network.conv5[0].weight, state["conv5.0.weight"])
    assert network.fc.weight.shape[0] == 4


class Malicious:
    """Unpickled, it calls a function; torch reads no such thing."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


def test_a_pickle_that_is_more_than_tensors_is_not_executed(downloads, tmp_path):
    torch.save({"conv1.0.weight": Malicious(tmp_path / "executed")}, downloads(SMALL))
    with pytest.raises(ValueError, match=f"torchvision's weights for {SMALL} could not be read"):
        models.build(SMALL, 4, "pretrained")
    assert not (tmp_path / "executed").exists()
    assert torch.load(downloads(SMALL), weights_only=False)  # it is what it claims to be
    assert (tmp_path / "executed").exists()


def test_images_of_another_size_than_the_architectures_usual_one():
    with torch.device("meta"):
        network = models.build("vit_b_16", 5, image_size=64)
        assert network.encoder.pos_embedding.shape == (1, 1 + 16, 768)
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 5)
        assert models.build("vit_b_16", 5).encoder.pos_embedding.shape == (1, 1 + 196, 768)
    network = models.build(SMALL, 5, image_size=32)
    assert network.training
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 5)


@pytest.mark.parametrize(
    ("architecture", "size", "reason"),
    [
        ("vit_b_16", 40, "indivisible by patch size"),
        ("maxvit_t", 100, "is not divisible by partition size 7"),
        ("alexnet", 32, "Output size is too small"),
        ("inception_v3", 32, "Kernel size can't be greater than actual input size"),
    ],
)
def test_images_that_a_network_cannot_take_are_refused_in_a_sentence(architecture, size, reason):
    sentence = f"^{architecture} cannot take images of {size} px: [^\\n]*{reason}[^\\n]*$"
    with torch.device("meta"), pytest.raises(ValueError, match=sentence):
        models.build(architecture, 5, image_size=size)


def test_a_vision_transformers_position_embedding_is_resampled_to_the_images():
    """From 4 x 4 places to 2 x 2, the class token's row kept."""
    weights = {n: torch.randn_like(v) for n, v in small_transformer(32).state_dict().items()}
    network = small_transformer(16)
    fitted = torchvision_networks.fitted(weights, network)
    old, new = weights["encoder.pos_embedding"], fitted["encoder.pos_embedding"]
    assert new.shape == network.encoder.pos_embedding.shape == (1, 5, 16)
    assert torch.equal(new[:, :1], old[:, :1])
    grid = old[:, 1:].transpose(1, 2).unflatten(2, (4, 4))
    expected = F.interpolate(grid, size=(2, 2), mode="bicubic", align_corners=True)
    torch.testing.assert_close(new[:, 1:], expected.flatten(2).transpose(1, 2))
    same = torchvision_networks.fitted(weights, small_transformer(32))
    assert torch.equal(same["encoder.pos_embedding"], old)
    network.load_state_dict(fitted)


def test_the_pixels_scale_is_that_of_the_architectures_weights():
    for architecture in ("resnet50", "mobilenet_v3_large", "convnext_tiny", "vit_b_16"):
        assert models.normalization(architecture) == (models.IMAGENET_MEAN, models.IMAGENET_STD)
    assert models.normalization("efficientnet_v2_l") == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match="'resnet19' is not a torchvision"):
        models.normalization("resnet19")


def test_networks_that_torchvision_lets_turn_the_scale_inside_get_it_from_outside():
    """With its own weights torchvision builds GoogLeNet and Inception with `transform_input`."""
    network = models.build("googlenet", 5).train()  # batch norm by the batch: signals stay alive
    torch.nn.init.normal_(network.fc.weight)
    pixels = torch.rand(4, 3, 64, 64)
    ours = network(models.normalize(pixels, *models.normalization("googlenet")))
    network.transform_input = True
    theirs = network(models.normalize(pixels, models.IMAGENET_MEAN, models.IMAGENET_STD))
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3 * float(theirs.detach().std()))


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm_keeps_its_statistics_while_its_affine_values_train(frozen):
    network = models.build(SMALL, 4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    models.train_mode(network, frozen)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    after = network.state_dict()
    assert torch.equal(after["conv1.1.running_mean"], before["conv1.1.running_mean"]) == frozen
    assert torch.equal(after["conv1.1.running_var"], before["conv1.1.running_var"]) == frozen
    assert not torch.equal(after["conv1.1.weight"], before["conv1.1.weight"])
    assert network.training


def test_preprocessing_is_torchvisions_resize_and_normalisation():
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    image = Image.fromarray(pixels)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
    reference = v2.Compose(
        [
            v2.Resize((24, 24), v2.InterpolationMode.BILINEAR),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean, std),
        ]
    )(image)
    ours = models.preprocess(image, 24, mean, std)
    assert ours.shape == (1, 3, 24, 24)
    torch.testing.assert_close(ours[0], reference, rtol=1e-5, atol=1e-6)
    assert torch.equal(
        models.to_network_input(torch.from_numpy(models.resize(image, 24).copy())[None], mean, std),
        ours,
    )


def test_the_network_for_inference_gives_the_same_logits_and_leaves_the_original_alone():
    network = models.build("resnet18", 5)
    network.train()(torch.randn(4, 3, 32, 32))  # statistics of its own
    network.eval()
    images = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        before = network(images)
        fast = models.for_inference(network)
        assert torch.equal(network(images), before)
        for image, expected in zip(images, before, strict=True):
            torch.testing.assert_close(fast(image[None])[0], expected, rtol=1e-4, atol=1e-4)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def test_networks_for_inference_leave_nothing_behind():
    """A sweep makes thirty a run."""
    network = models.build("mobilenet_v2", 5).eval()
    size = sum(one.nbytes for one in network.parameters())
    images = torch.zeros(2, 3, 32, 32)

    def resident() -> int:
        with torch.inference_mode():
            for _ in range(12):
                models.for_inference(network)(images)
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    before = resident()
    assert resident() - before < 2 * size


@pytest.mark.parametrize("architecture", ["googlenet", "inception_v3"])
def test_networks_with_auxiliary_heads_give_plain_logits_in_training_too(architecture):
    network = models.build(architecture, 7).train()
    assert network(torch.rand(2, 3, 96, 96)).shape == (2, 7)
