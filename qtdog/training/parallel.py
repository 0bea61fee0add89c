"""One run on several processes, on one machine or many: `torchrun` starts them, torch.distributed
carries what they tell each other. In a single process every function here does nothing.

All processes hold the same network and draw the same batch; each computes its share of every
domain's images. Gradients, and whatever else belongs to the whole batch, are put together here.
The first process alone writes files and shows progress: it leads.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from qtdog.training.rendezvous import meet

# How long a process waits for another one: longer than the leader ever measures and writes. Not
# what a lost process costs: torchrun sees that at once and ends or restarts the others.
PATIENCE = timedelta(hours=12)


@contextmanager
def joined() -> Iterator[None]:
    """Join the processes that torchrun started for as long as the block lasts; the leader's work
    is waited for at its end."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(_own_gpu())
        backend = "cpu:gloo,cuda:nccl"  # by where a tensor is
    store, rank, processes = meet()
    dist.init_process_group(backend, store=store, rank=rank, world_size=processes, timeout=PATIENCE)
    yield
    total(0)
    dist.destroy_process_group()


@contextmanager
def first_on_each_machine() -> Iterator[None]:
    """Let one process of every machine do the block before the others: what it puts into a cache
    is there for them."""
    first = int(os.environ.get("LOCAL_RANK", 0)) == 0
    if not first:
        total(0)
    yield
    if first:
        total(0)


def processes() -> int:
    """How many processes share the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def leads() -> bool:
    """Whether this process writes files and shows progress."""
    return rank() == 0


def device() -> torch.device:
    """This process's GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())


def rows(domains: int, images_per_domain: int) -> Tensor:
    """Which images of a batch, domain after domain, are this process's: as many of each domain.

    Raises ValueError unless every process gets as many.
    """
    share, rest = divmod(images_per_domain, processes())
    if rest:
        raise ValueError(
            f"{images_per_domain} images of each domain in a step cannot be shared equally by "
            f"{processes()} processes: start a number of them that divides {images_per_domain}."
        )
    batch = torch.arange(domains * images_per_domain).view(domains, processes(), share)
    return batch[:, rank()].flatten()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes, which is that of the whole batch's
    mean loss; to be called after every backward pass.

    One message for all. Parameters without a gradient (the control "freeze" has some) are passed
    over, and parameters may be added at any time (step sizes are, at the quantization step).
    """
    if processes() == 1:
        return
    gradients = [one.grad for one in parameters if one.grad is not None]
    flat = added(torch.cat([gradient.flatten() for gradient in gradients])) / processes()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def gather(values: Tensor) -> Tensor:
    """(...) of equal shape in every process -> (processes, ...), with gradients.

    The gradient that comes back is the sum over the processes, because each process's loss depends
    on all the values; `average_gradients` makes it the mean loss's.
    """
    return values[None] if processes() == 1 else _Gather.apply(values)


def whole_batch(values: Tensor, domains: int) -> Tensor:
    """What all processes hold of a batch, in the order that a single process has it in.

    (domains * share, ...) -> (domains * images_per_domain, ...), with gradients.
    """
    parts = gather(values).unflatten(1, (domains, -1))  # (processes, domains, share, ...)
    return parts.transpose(0, 1).flatten(0, 2)


def added(values: Tensor) -> Tensor:
    """The sum over the processes, in place of what they have."""
    if processes() > 1:
        dist.all_reduce(values)
    return values


def total(count: float) -> float:
    """The sum over the processes, exact for whole numbers."""
    return float(added(torch.tensor(count, dtype=torch.float64)))


def mean(value: float) -> float:
    """The mean over the processes."""
    return total(value) / processes()


def leaders(answer: Callable[[], bytes | None]) -> bytes | None:
    """What the leader answers, for all; only the leader is asked."""
    own = answer() if leads() else None
    if processes() == 1:
        return own
    size = torch.tensor(-1 if own is None else len(own))
    dist.broadcast(size, 0)
    if size < 0:
        return None
    content = torch.empty(int(size), dtype=torch.uint8)
    if own:
        content.copy_(torch.frombuffer(bytearray(own), dtype=torch.uint8))
    dist.broadcast(content, 0)
    return content.numpy().tobytes()


def require_same(text: str) -> None:
    """Raises ValueError unless all processes give the same text."""
    if leaders(text.encode) != text.encode():
        raise ValueError(
            f"Process {rank()} has other settings or other data than the first one: give every "
            "machine the same command and the same data."
        )


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        parts = [values.new_empty(values.shape) for _ in range(processes())]
        dist.all_gather(parts, values.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(ctx, *grad_outputs: Tensor) -> Tensor:
        (gradient,) = grad_outputs
        return added(gradient.clone(memory_format=torch.contiguous_format))[rank()]


def _own_gpu() -> int:
    """Raises ValueError where a machine has fewer GPUs than processes."""
    local, gpus = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
    if local >= gpus:
        raise ValueError(
            f"This machine has too few GPUs ({gpus}) for its processes: start torchrun with "
            f"--nproc-per-node {gpus}, or with CUDA_VISIBLE_DEVICES= to train on processors."
        )
    return local
