"""Processes that share a run, as torchrun would start them, and what they do in tests."""

import dataclasses
import os
import socket
import sys
from pathlib import Path
from unittest import mock

import torch
from safetensors.torch import save_file
from tiny_runs import CONFIG, tiny_data
from torch import nn

from qtdog import models
from qtdog.models import networks
from qtdog.quantization import LSQConfig, quantize
from qtdog.training import Batch, TrainConfig, finish, make_objective, parallel, train
from qtdog.training.shared_norm import share_norms

PROCESSES = 2
TORCHRUN_CONFIG = dataclasses.replace(
    CONFIG, freeze_batch_norm=True, steps=24, quantize_step=12, evaluate_every=6
)


def environment(rank: int, port: int, processes: int = PROCESSES) -> dict[str, str]:
    """What torchrun tells a process."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "CUDA_VISIBLE_DEVICES": "",
    }


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def in_parallel(work, rank: int, port: int, root: Path, *arguments) -> None:
    """Do `work(root, *arguments)` as process `rank` of a group."""
    os.environ |= environment(rank, port)
    torch.set_num_threads(1)
    with parallel.joined():
        work(root, *arguments)


# A step of a network with every kind of thing that belongs to the whole batch ---------------------

DOMAINS, IMAGES = 3, 4


class WholeBatchNetwork(nn.Module):
    """Convolutions with batch norm between them, in float64, and a layer without a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5)
        )
        self.head = nn.Linear(5, 4)
        self.head.bias.requires_grad_(False)

    def forward(self, images):
        return self.head(self.body(images).mean((2, 3)))


def a_network_and_a_batch() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    network = WholeBatchNetwork().double()
    images = torch.randn(DOMAINS * IMAGES, 3, 8, 8).double() * 3 + 1
    return network, images, torch.randint(4, (DOMAINS * IMAGES,))


def loss_of(logits, labels):
    """A mean over the images, and a term that no image has for itself."""
    whole = parallel.whole_batch(logits, DOMAINS)
    means = whole.view(DOMAINS, -1, 4).mean(1)
    first = whole[: IMAGES // 2]  # of the first domain's images: shows their order
    return nn.functional.cross_entropy(logits, labels) + means.var(0).sum() + (first**3).mean()


def gradients_of_a_step(root: Path) -> None:
    network, images, labels = a_network_and_a_batch()
    share_norms(network)
    rows = parallel.rows(DOMAINS, IMAGES)
    loss = loss_of(network(images[rows]), labels[rows])
    loss.backward()
    parallel.average_gradients(network.parameters())
    tensors = {f"{n}.grad": p.grad for n, p in network.named_parameters() if p.grad is not None}
    tensors |= network.state_dict()
    save_file(tensors, root / f"step{parallel.rank()}.safetensors")


def gradients_of_an_objective(root: Path, name: str) -> None:
    """Of a quantized network whose batch norm trains, in float64."""
    torch.manual_seed(5)
    network = models.build("shufflenet_v2_x0_5", 4).double()
    quantize(network, LSQConfig(5), [models.classifier_name(network)])
    share_norms(network)
    objective = make_objective(name, network, 64)
    network.train()
    images, labels = torch.randn(DOMAINS * IMAGES, 3, 64, 64), torch.arange(DOMAINS * IMAGES) % 4
    rows = parallel.rows(DOMAINS, IMAGES)
    draws = torch.Generator().manual_seed(1)  # of which MixStyle mixes in two places
    objective.backward(network, Batch(images.double()[rows], labels[rows], DOMAINS, draws))
    parallel.average_gradients(network.parameters())
    tensors = {n: p.grad.contiguous() for n, p in network.named_parameters()}
    save_file(tensors, root / f"{name}{parallel.rank()}-{parallel.processes()}.safetensors")


def conversation(root: Path) -> None:
    rank = parallel.rank()
    told = [str(parallel.total(rank + 1)), f"from {parallel.leaders(str(rank).encode).decode()}"]
    with parallel.first_on_each_machine():
        file = root / "cache"
        told.append(f"{not file.exists()};")
        file.touch()
    try:
        parallel.require_same("the same")
        parallel.require_same(f"data of {rank}")
        told.append("same")
    except ValueError as error:
        told.append(str(error))
    (root / f"told{rank}").write_text(" ".join(told))


# Whole runs -------------------------------------------------------------------------------------


def train_in_float64(root: Path, config: TrainConfig) -> None:
    """Train with weights and images in float64: what is left of the difference between two orders
    of summation then stays small, as chaotic as training is."""
    build, normalize = models.build, models.normalize

    def in_float64(*words):
        return normalize(*words).double()

    with (
        mock.patch.object(models, "build", lambda *a, **b: build(*a, **b).double()),
        mock.patch.object(models, "normalize", in_float64),
        mock.patch.object(networks, "normalize", in_float64),
    ):
        trained = train(config, tiny_data(), root)
    save_file(trained.single.network.state_dict(), root / f"chosen{parallel.rank()}.safetensors")


def tell_and_train(root: Path) -> None:
    """One of torchrun's processes. It leaves its number in a file; the leader, in another one,
    that it begins and every step that is done."""
    torch.set_num_threads(1)
    with parallel.joined():
        (root / f"process{parallel.rank()}").write_text(str(os.getpid()))
        with (root / "steps").open("a", buffering=1) as steps:
            if parallel.leads():
                print("begin", file=steps)
            run_data = tiny_data()
            trained = train(
                TORCHRUN_CONFIG, run_data, root / "runs", lambda step, text: print(step, file=steps)
            )
        if parallel.leads():
            finish(trained, trained.single, run_data, root / "checkpoints", "digits")


if __name__ == "__main__":
    tell_and_train(Path(sys.argv[1]))
