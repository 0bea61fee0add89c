"""One image and many, by the engine and by what else a user could pick."""

import shutil
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import nn

from qtdog.benchmark.comparison import Comparison, in_turn
from qtdog.checkpoints import Checkpoint
from qtdog.inference import mean_of_logits, member_logits, open_stored

ROUNDS = 60
MANY, ROUNDS_OF_MANY = 64, 5


@torch.inference_mode()
def compare_answers(erm: Checkpoint, eoq: Checkpoint) -> list[Comparison]:
    """One image by the engine, and by what else a user could pick; one thread an operation is for
    the caller to see to."""
    size, architecture = erm.config.image_size, erm.config.architecture
    image = torch.rand(1, 3, size, size)
    eager, members = erm.networks[0], eoq.networks
    single, several = (open_stored(one.folder).networks for one in (erm, eoq))
    one = image.numpy()

    candidates: dict[str, Callable[[], object]] = {
        "eager": lambda: eager(image),
        "eager members": lambda: torch.stack([member(image) for member in members]).mean(0),
        "ERM": lambda: member_logits(single, one),
        "QT-DoG": lambda: member_logits(several[:1], one),
        "EoQ": lambda: mean_of_logits(member_logits(several, one)),
        **_others(eager, image),
    }
    seconds = dict(zip(candidates, in_turn(list(candidates.values()), ROUNDS), strict=True))
    usual = f"one eager {architecture}"
    lines = [
        Comparison(f"one image, {name}", seconds[name] * 1e3, usual, seconds["eager"] * 1e3, "ms")
        for name in candidates
        if not name.startswith("eager")
    ]
    five = f"{len(members)} eager {architecture}"
    lines.append(
        Comparison(
            "one image, EoQ", seconds["EoQ"] * 1e3, five, seconds["eager members"] * 1e3, "ms"
        )
    )
    return lines


@torch.inference_mode()
def compare_many(eoq: Checkpoint) -> Comparison:
    """Many images at once through EoQ; torch may use all cores as well."""
    images = torch.rand(MANY, 3, *[eoq.config.image_size] * 2)
    networks, many = open_stored(eoq.folder).networks, images.numpy()
    slow, fast = in_turn(
        [
            lambda: torch.stack([member(images) for member in eoq.networks]).mean(0),
            lambda: mean_of_logits(member_logits(networks, many)),
        ],
        ROUNDS_OF_MANY,
    )
    five = f"{len(networks)} eager {eoq.config.architecture}"
    return Comparison(f"{MANY} images, EoQ", fast * 1e3, five, slow * 1e3, "ms")


def _others(network: nn.Module, image: torch.Tensor) -> dict[str, Callable[[], object]]:
    """The same full-precision network in other engines, as far as they are installed."""
    found: dict[str, Callable[[], object]] = {}
    if find_spec("openvino"):
        import openvino  # pyright: ignore[reportMissingImports]  # optional

        # By default it takes bfloat16 where the processor has it, which is another answer.
        core = openvino.Core()
        model = openvino.convert_model(network, example_input=image)
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        compiled = core.compile_model(model, "CPU", settings)
        found["ERM in OpenVINO, float32"] = lambda: compiled(image.numpy())
    if shutil.which("c++"):
        compiled_network = torch.compile(network)
        try:
            compiled_network(image)
        except Exception:  # no working compiler: of many kinds
            return found
        found["ERM in torch.compile"] = lambda: compiled_network(image)
    return found
