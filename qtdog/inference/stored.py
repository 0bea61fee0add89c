"""A checkpoint as networks that answer: in the engine where there is a graph, else in torch."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np

from qtdog import checkpoints, cores
from qtdog.checkpoints import Checkpoint, CheckpointConfig, CheckpointError, CheckpointFiles
from qtdog.inference.graph import Graph, GraphError
from qtdog.inference.graphs import find_graph, set_root
from qtdog.inference.members import Network, one_is_over
from qtdog.inference.onnx_network import OnnxNetwork
from qtdog.inference.weights import bits_per_weight, stored_tensors, stored_weights


@dataclass(frozen=True)
class StoredModel:
    """A checkpoint's networks: one, or EoQ's members."""

    folder: Path
    config: CheckpointConfig
    networks: tuple[Network, ...]
    size_bytes: int
    """config.json and model.safetensors on disk, of all members."""
    bits_per_weight: float
    """Mean stored bits over the convolutions' and linear layers' weights, one member's."""
    members: "tuple[StoredModel, ...]" = ()
    problem: str = ""
    """Why a graph that is there is not used, in one sentence."""


def open_stored(folder: Path) -> StoredModel:
    """Read a checkpoint, checked as by `checkpoints.load`. Raises CheckpointError naming the file
    and the reason."""
    return open_files(checkpoints.read_files(folder))


def open_files(files: CheckpointFiles) -> StoredModel:
    """What `open_stored` does with files that were read, or have just been made."""
    problem = ""
    try:
        if opened := _through_engine(files):
            return opened
    except GraphError as error:
        problem = f"{error} Its network is computed without it, more slowly."
    except (CheckpointError, ValueError):  # torch's way says in detail what is wrong
        pass
    return _in_torch(checkpoints.load_files(files), problem)


def _through_engine(files: CheckpointFiles) -> StoredModel | None:
    """Its networks as sessions; None where there is no graph. Raises GraphError for a graph that
    cannot be used, and CheckpointError or ValueError for tensors that do not fit."""
    config = files.config
    graph = find_graph(config.architecture, config.image_size, set_root(files.folder))
    return None if graph is None else _with_graph(files, graph)


def _with_graph(files: CheckpointFiles, graph: Graph) -> StoredModel:
    if not files.members:
        return _with_weights(files, graph, *_weights(files, graph))
    count = len(files.members)
    cut = [*repeat(False, count - 1), one_is_over(count)]
    with ThreadPoolExecutor(cores.count()) as pool:
        # Weights take many short steps, at which threads would only wait for each other; a session
        # is one long step, and made beside them.
        waiting = [
            pool.submit(_with_weights, member, graph, *_weights(member, graph), in_halves)
            for member, in_halves in zip(files.members, cut, strict=True)
        ]
    members = tuple(one.result() for one in waiting)
    networks = tuple(network for member in members for network in member.networks)
    bits = members[0].bits_per_weight
    return StoredModel(files.folder, files.config, networks, files.size_bytes, bits, members)


def _weights(files: CheckpointFiles, graph: Graph) -> tuple[dict[str, np.ndarray], float]:
    """One network's, for the graph, and how many bits each takes in the file."""
    tensors = stored_tensors(files.model)
    weights = stored_weights(tensors, files.config, graph)
    return weights, bits_per_weight(tensors, files.config, graph)


def _with_weights(
    files: CheckpointFiles,
    graph: Graph,
    weights: dict[str, np.ndarray],
    bits: float,
    in_halves: bool = False,
) -> StoredModel:
    network = OnnxNetwork(graph, weights, len(files.config.classes), in_halves)
    return StoredModel(files.folder, files.config, (network,), files.size_bytes, bits)


def _in_torch(checkpoint: Checkpoint, problem: str) -> StoredModel:
    from qtdog.inference.torch_network import TorchNetwork

    members = tuple(_in_torch(member, "") for member in checkpoint.members)
    networks: tuple[Network, ...] = tuple(one for member in members for one in member.networks)
    if not members:
        networks = (TorchNetwork(checkpoint.networks[0], checkpoint.config.image_size),)
    return StoredModel(
        checkpoint.folder,
        checkpoint.config,
        networks,
        checkpoint.size_bytes,
        checkpoint.bits_per_weight,
        members,
        problem,
    )
