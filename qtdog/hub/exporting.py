"""A checkpoint in other programs' formats: torchvision's state dict, ONNX, or numpy arrays.

Every file is checked before it is written: what it says about the sample pictures, computed from
its own bytes, must be what the checkpoint says.
"""

import dataclasses
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import torch
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from qtdog import checkpoints, models
from qtdog.checkpoints import CODES, STEP_SIZE, Checkpoint, CheckpointConfig
from qtdog.files import write_atomically
from qtdog.images import read_image
from qtdog.inference import Ensemble
from qtdog.models import foldable
from qtdog.places import SAMPLES
from qtdog.quantization import unpack

Format = Literal["torchvision", "onnx", "numpy"]
FORMATS: tuple[str, ...] = get_args(Format)
LARGEST_DIFFERENCE = 1e-4
"""Between a logit of the checkpoint and one of its export."""
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
ONNX_OPSET = 18  # what torch's exporter writes without converting, in torch 2.8 and later
LARGEST_ONNX_BYTES = 2**31 - 1  # of a protobuf message

Logits = Callable[[Tensor], Tensor]
"""(batch, 3, size, size), normalised -> (batch, classes)."""


class ExportError(ValueError):
    """One sentence: why the checkpoint cannot be exported."""


@dataclass(frozen=True)
class Exported:
    """A file that was written and agrees with its checkpoint."""

    path: Path
    size_bytes: int
    pictures: int
    """On so many pictures the class is the same."""
    largest_difference: float
    """Of any logit on any of these pictures."""


def export(folder: Path, file_format: Format, out: Path, samples: Path = SAMPLES) -> Exported:
    """Write the checkpoint in `folder` to the file `out`, checked on the pictures in `samples`.

    - "torchvision": a float32 state dict as safetensors, for the plain torchvision network of the
      architecture, `load_state_dict(..., strict=True)`. A quantized checkpoint has its batch norm
      folded into the convolutions; here those batch norms do nothing but add the bias.
    - "onnx": one graph, `images` (batch, 3, size, size), normalised -> `logits` (batch, classes).
    - "numpy": an .npz of int8 codes `NAME.codes`, float32 step sizes `NAME.step_size` (weight =
      step size × code; of INQ: × 2^(|code|-1) × sign(code)) and the other tensors as they are
      stored, batch norm folded.

    EoQ's tensors are called `members.0.NAME` and so on; its ONNX graph gives the mean of the
    members' logits. All three carry the config, in the file's metadata or the array `config`.
    Raises ExportError or CheckpointError; then no file is written.
    """
    if file_format not in FORMATS:
        raise ExportError(f"The format '{file_format}' is unknown: choose {', '.join(FORMATS)}.")
    write, read = {
        "torchvision": (_write_torchvision, _read_torchvision),
        "onnx": (_write_onnx, _read_onnx),
        "numpy": (_write_numpy, _read_numpy),
    }[file_format]
    checkpoint = checkpoints.load(folder)
    content = write(checkpoint)
    pictures, difference = _check(checkpoint, read(content, checkpoint.config), samples)
    write_atomically(out, lambda handle: handle.write(content))
    return Exported(out, len(content), pictures, difference)


@torch.inference_mode()
def _check(checkpoint: Checkpoint, logits: Logits, samples: Path) -> tuple[int, float]:
    """Number of pictures and the largest difference of a logit. Raises ExportError."""
    config = checkpoint.config
    settings = (config.image_size, config.mean, config.std)
    paths = sorted(samples.glob("*.png"))
    if not paths:
        raise ExportError(f"There is no picture in {samples} to check the export with.")
    images = torch.cat([models.preprocess(read_image(path), *settings) for path in paths])
    images = images.contiguous()  # not channels last: what other programs hand in
    network = Ensemble(checkpoint.networks)
    expected = torch.cat([network(image[None]) for image in images])
    # One by one, and all at once: the number of images must be free.
    for answer in (torch.cat([logits(image[None]) for image in images]), logits(images)):
        difference = float((answer - expected).abs().max())
        wrong = answer.argmax(1) != expected.argmax(1)
        if not difference <= LARGEST_DIFFERENCE:  # also when it is not a number
            raise ExportError(
                f"The export's logits differ by {difference:.1e}, which is more than "
                f"{LARGEST_DIFFERENCE:.0e}: it was not written."
            )
        if bool(wrong.any()):  # two classes as good as equal
            name = paths[int(wrong.int().argmax())].name
            raise ExportError(f"The export sees another class in {name}: it was not written.")
    return len(paths), difference


def _parts(checkpoint: Checkpoint) -> list[tuple[str, Checkpoint]]:
    """(prefix of the tensors' names, single model), one or EoQ's members."""
    if not checkpoint.members:
        return [("", checkpoint)]
    return [(f"members.{place}.", member) for place, member in enumerate(checkpoint.members)]


def _members(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The tensors of the single models, without the prefixes of `_parts`."""
    members: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        member, rest = "", name
        if name.startswith("members."):
            _, member, rest = name.split(".", 2)
        members.setdefault(member, {})[rest] = value
    return list(members.values())


def _plain(config: CheckpointConfig) -> nn.Module:
    """The architecture as its library builds it."""
    return models.build(config.architecture, len(config.classes), image_size=config.image_size)


def _description(config: CheckpointConfig) -> dict[str, str]:
    """What a user of the file must know, and the whole config."""
    return {
        "architecture": config.architecture,
        "classes": json.dumps(config.classes),
        "image_size": str(config.image_size),
        "mean": json.dumps(config.mean),
        "std": json.dumps(config.std),
        "config": json.dumps(dataclasses.asdict(config)),
    }


# torchvision ------------------------------------------------------------------------------------


def torchvision_state(tensors: dict[str, Tensor], plain: nn.Module) -> dict[str, Tensor]:
    """The state dict with which `plain`, torchvision's network as built, equals the given one.

    `tensors` is the state dict of `plain` or of `plain` with batch norm folded. A batch norm that
    was folded gets mean 0, variance 1 - eps and weight 1: it only adds the convolution's bias,
    which `plain`'s convolution lacks.
    """
    tensors, expected = dict(tensors), plain.state_dict()
    for convolution, name in foldable(plain).items():
        if f"{name}.running_mean" in tensors:  # not folded
            continue
        norm = cast(nn.BatchNorm2d, plain.get_submodule(name))  # `foldable` names nothing else
        bias = torch.zeros(norm.num_features)
        if f"{convolution}.bias" not in expected:
            bias = tensors.pop(f"{convolution}.bias").float()
        tensors |= {
            f"{name}.weight": torch.ones(norm.num_features),
            f"{name}.bias": bias,
            f"{name}.running_mean": torch.zeros(norm.num_features),
            f"{name}.running_var": torch.full((norm.num_features,), 1 - norm.eps),
            f"{name}.num_batches_tracked": torch.tensor(0),
        }
    return {name: tensors[name].to(value.dtype) for name, value in expected.items()}


def _write_torchvision(checkpoint: Checkpoint) -> bytes:
    config = checkpoint.config
    plain = _plain(config)
    tensors = {
        prefix + name: value.contiguous()
        for prefix, part in _parts(checkpoint)
        for name, value in torchvision_state(part.networks[0].state_dict(), plain).items()
    }
    return tensors_to_bytes(tensors, _description(config))


def _read_torchvision(content: bytes, config: CheckpointConfig) -> Logits:
    networks = []
    for state in _members(tensors_from_bytes(content)):
        network = _plain(config).eval()
        network.load_state_dict(state, strict=True)
        networks.append(network)
    return Ensemble(networks)


# ONNX -------------------------------------------------------------------------------------------


def _write_onnx(checkpoint: Checkpoint) -> bytes:
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None]
    if missing:
        raise ExportError(
            f"The export to ONNX needs {' and '.join(missing)}: "
            f"run 'pip install {' '.join(ONNX_PACKAGES)}' and try again."
        )
    import onnx

    config, networks = checkpoint.config, checkpoint.networks
    network = Ensemble(networks) if checkpoint.members else networks[0]
    example = torch.zeros(2, 3, config.image_size, config.image_size)
    program = torch.onnx.export(
        network.eval(),
        (example,),
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=ONNX_OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise ExportError("torch made no ONNX program of this network.")
    model = program.model_proto
    if model.ByteSize() > LARGEST_ONNX_BYTES:
        raise ExportError("An ONNX file holds at most 2 GiB: export the ensemble's members.")
    onnx.helper.set_model_props(model, _description(config))
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _read_onnx(content: bytes, config: CheckpointConfig) -> Logits:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(["logits"], {"images": images.numpy()})[0])


# numpy ------------------------------------------------------------------------------------------


def _write_numpy(checkpoint: Checkpoint) -> bytes:
    arrays = {"config": np.array(_description(checkpoint.config)["config"])}
    for prefix, part in _parts(checkpoint):
        shapes = {name: value.shape for name, value in part.networks[0].state_dict().items()}
        for name, value in load_file(part.folder / checkpoints.MODEL).items():
            array = value.numpy()
            if name.endswith(CODES):
                shape = shapes[name.removesuffix(CODES)]
                array = unpack(array, part.config.bits, shape.numel()).reshape(shape)
            arrays[prefix + name] = array
    handle = io.BytesIO()
    # The names are weights': none is the option that the types fear.
    np.savez_compressed(handle, **arrays)  # pyright: ignore[reportArgumentType]
    return handle.getvalue()


def _read_numpy(content: bytes, config: CheckpointConfig) -> Logits:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != "config"}
    tensors = {}
    for name, array in arrays.items():
        if name.endswith(CODES):
            name = name.removesuffix(CODES)
            codes, step_size = torch.from_numpy(array), torch.from_numpy(arrays[name + STEP_SIZE])
            array = config.levels.values(codes, step_size).numpy()
        if not name.endswith(STEP_SIZE):
            tensors[name] = torch.from_numpy(array)
    networks = []
    for member in _members(tensors):
        network = _plain(config).eval()
        network.load_state_dict(torchvision_state(member, network))
        networks.append(network)
    return Ensemble(networks)
