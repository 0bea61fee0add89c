"""The Hessian of the loss at a network: its largest eigenvalue and its trace.

Only products of the Hessian with a vector are needed (Pearlmutter 1994); autograd gives them.
"""

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from qtdog import cores
from qtdog.data import Images
from qtdog.landscape.directions import DirectionKind, filter_scale, gaussian
from qtdog.landscape.records import Curvature
from qtdog.landscape.space import WeightPoint
from qtdog.models import to_network_input

# One graph of that many images is kept for each worker's part of the batch.
IMAGES_A_GRAPH = 16
LANCZOS_STEPS = 10  # about as many as it takes: it stops by itself

Product = Callable[[Tensor], Tensor]
"""The symmetric matrix times a vector: (n,) -> (n,)."""


def hessian_product(
    point: WeightPoint,
    images: Images,
    labels: np.ndarray,
    mean: Sequence[float],
    std: Sequence[float],
    scale: DirectionKind,
) -> Product:
    """Products with the Hessian of the mean cross-entropy of `images` (n, size, size, 3) uint8.

    `scale` "filter": in units of each filter's root mean square weight, with biases fixed
    (D H D, D = `filter_scale`); "whole": of the parameters as they are. The gradients' graphs
    stay in memory, so that every product is a single pass back through them. Each part of the
    batch is one thread's work: the result does not depend on the number of cores.
    """
    units = filter_scale(point) if scale == "filter" else torch.ones_like(point.vector)
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    units = units.to(device)

    def gradient_of(part: slice) -> tuple[Tensor, Tensor]:
        leaf = point.vector.to(device).clone().requires_grad_()
        weights = {block.name: leaf[block.place].view(block.shape) for block in point.blocks}
        inputs = to_network_input(torch.from_numpy(np.array(images[part])).to(device), mean, std)
        target = torch.from_numpy(np.array(labels[part])).to(device)
        # A copy each: functional_call swaps the module's weights while it runs.
        network = copy.deepcopy(point.network).to(device)
        logits = functional_call(network, weights, (inputs,))
        loss = F.cross_entropy(logits, target, reduction="sum") / len(labels)
        (gradient,) = torch.autograd.grad(loss, leaf, create_graph=True)
        return leaf, gradient

    parts = [
        slice(start, start + IMAGES_A_GRAPH) for start in range(0, len(labels), IMAGES_A_GRAPH)
    ]
    workers = 1 if gpu else cores.count()
    pool = cores.pool(workers, "curvature")
    graphs = list(pool.map(gradient_of, parts))

    def product(vector: Tensor) -> Tensor:
        scaled = units * vector.to(device)

        def one(graph: tuple[Tensor, Tensor]) -> Tensor:
            leaf, gradient = graph
            (result,) = torch.autograd.grad(gradient, leaf, scaled, retain_graph=True)
            return result

        return (units * sum(pool.map(one, graphs))).cpu()

    return product


def measure(
    record: Curvature,
    product: Product,
    probes: int,
    progress: Callable[[int], None] = lambda products: None,
) -> Curvature:
    """`record` with its eigenvalue and `probes` estimates of the trace filled in."""
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        progress(done)

    size, seed = record.parameters, record.seed
    value, residual, steps = top_eigenvalue(product, size, seed, progress=one_more)
    traces = trace_probes(product, size, seed, probes, one_more)
    return dataclasses.replace(
        record,
        eigenvalue=value,
        eigenvalue_residual=residual,
        lanczos_steps=steps,
        traces=traces,
    )


def top_eigenvalue(
    product: Product,
    size: int,
    seed: int,
    most_steps: int = 40,
    tolerance: float = 1e-3,
    progress: Callable[[], None] = lambda: None,
) -> tuple[float, float, int]:
    """The largest eigenvalue, the residual |H v - eigenvalue v|, and the number of products.

    Lanczos iteration with full reorthogonalisation; it stops when the residual is below
    `tolerance` times the eigenvalue.
    """
    basis = [gaussian(size, seed, 0).double()]
    basis[0] /= basis[0].norm()
    diagonal: list[float] = []
    beside: list[float] = []
    value, residual = 0.0, math.inf
    for _ in range(min(most_steps, size)):
        new = product(basis[-1].float()).double()
        progress()
        diagonal.append(float(new @ basis[-1]))
        for _ in range(2):  # once is not enough in floating point
            for earlier in basis:
                new -= (new @ earlier) * earlier
        length = float(new.norm())
        small = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        values, vectors = np.linalg.eigh(small)
        value, residual = float(values[-1]), float(length * abs(vectors[-1, -1]))
        if residual <= tolerance * abs(value):
            break
        beside.append(length)
        basis.append(new / length)
    return value, residual, len(diagonal)


def trace_probes(
    product: Product,
    size: int,
    seed: int,
    probes: int,
    progress: Callable[[], None] = lambda: None,
) -> tuple[float, ...]:
    """Hutchinson's estimates v^T H v of the trace, one for each random vector of signs."""
    estimates = []
    for probe in range(1, probes + 1):
        signs = gaussian(size, seed, probe).sign()
        estimates.append(float(product(signs).double() @ signs.double()))
        progress()
    return tuple(estimates)
