"""Are weights better kept as int8 codes, which the graph turns into floats, or as floats?

    PYTHONPATH=. python scripts/int8_in_memory.py [checkpoints/pacs/sketch/eoq-7bit]

Two sessions of ONNX Runtime for every member: floats, as the engine has them; codes and
`DequantizeLinear`. Printed are the memory that a member takes (PSS of a process of its own, on
Linux) and the processor time of one image through one member, in turn, the median of `ROUNDS`.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load as tensors_from_bytes

from qtdog import checkpoints
from qtdog.checkpoints import CODES, STEP_SIZE, CheckpointFiles
from qtdog.inference.graph import INPUT, LOGITS, Graph
from qtdog.inference.graphs import find_graph, set_root
from qtdog.inference.onnx_messages import Model
from qtdog.inference.onnx_network import _options, _with_shapes
from qtdog.inference.weights import stored_tensors, stored_weights
from qtdog.quantization import unpack

EOQ = Path("checkpoints/pacs/sketch/eoq-7bit")
FLOATS, INTEGERS = WAYS = ("float32", "int8 codes")
INT8, INT = 3, 2  # ONNX's numbers of a tensor's and an attribute's type
ROUNDS = 200


def session(way: str, files: CheckpointFiles, graph: Graph) -> onnxruntime.InferenceSession:
    """One member's, by one of `WAYS`."""
    weights = stored_weights(stored_tensors(files.model), files.config, graph)
    model = Model.FromString(_with_shapes(graph, weights))
    if way == INTEGERS:
        stored, nodes = tensors_from_bytes(files.model), list(model.graph.node)
        del model.graph.node[:]
        for tensor in model.graph.initializer:
            name = tensor.name
            if (packed := stored.get(name + CODES)) is None:
                continue
            shape, step = weights.pop(name).shape, stored[name + STEP_SIZE]
            weights[name + CODES] = unpack(packed, files.config.bits, int(np.prod(shape))).reshape(
                shape
            )
            weights[name + STEP_SIZE] = step if step.size > 1 else step.reshape(())
            tensor.name, tensor.data_type = name + CODES, INT8
            scale = model.graph.initializer.add(name=name + STEP_SIZE, data_type=1)
            scale.dims[:] = weights[name + STEP_SIZE].shape
            scale.data_location = tensor.data_location
            scale.external_data.add(key="location", value="weights")
            node = model.graph.node.add(
                op_type="DequantizeLinear", input=[name + CODES, name + STEP_SIZE], output=[name]
            )
            node.attribute.add(name="axis", i=0, type=INT)
        model.graph.node.extend(nodes)
    names = sorted(weights)
    options = _options()
    options.add_external_initializers(
        names, [onnxruntime.OrtValue.ortvalue_from_numpy(weights[name]) for name in names]
    )
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def pss() -> float:
    """Of this process, MB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:"))


def measure_memory(way: str, folder: Path) -> None:
    """Print the MB that all members take; in a process of its own."""
    files = checkpoints.read_files(folder)
    graph = find_graph(files.config.architecture, files.config.image_size, set_root(folder))
    if graph is None:
        raise SystemExit(f"{folder} has no graph.")
    held = [session(way, files.members[0], graph)]  # the runtime's own memory does not count
    before = pss()
    held += [session(way, member, graph) for member in files.members[1:]]
    print((pss() - before) / (len(held) - 1))


def measure_time(folder: Path) -> dict[str, float]:
    """Milliseconds of processor time of one image, by way."""
    files = checkpoints.read_files(folder)
    config = files.config
    graph = find_graph(config.architecture, config.image_size, set_root(folder))
    if graph is None:
        raise SystemExit(f"{folder} has no graph.")
    sessions = {way: session(way, files.members[0], graph) for way in WAYS}
    size = config.image_size
    image = np.random.default_rng(0).normal(size=(1, 3, size, size)).astype(np.float32)
    answers = {way: one.run([LOGITS], {INPUT: image})[0] for way, one in sessions.items()}
    assert np.abs(np.subtract(answers[FLOATS], answers[INTEGERS])).max() < 1e-3
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, one in sessions.items():
            start = time.thread_time()
            one.run([LOGITS], {INPUT: image})
            seconds[way].append(time.thread_time() - start)
    return {way: statistics.median(values) * 1e3 for way, values in seconds.items()}


def main(folder: Path = EOQ) -> None:
    milliseconds = measure_time(folder)
    for way in WAYS:
        command = [sys.executable, __file__, str(folder), way]
        memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"{way:10} {float(memory):6.2f} MB a member  {milliseconds[way]:6.2f} ms")


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else EOQ
    if len(sys.argv) > 2:
        measure_memory(sys.argv[2], place)
    else:
        main(place)
