"""A network of the explorer without a server in TensorFlow.js, to be measured against.

Its converter needs TensorFlow; but a MobileNetV2 is convolutions, additions and one layer on their
mean, and those are said to tfjs here as its converter would leave them: activations fused, the
channels last. The packages come from npm.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from qtdog.inference import find_graph

VERSION = "4.22.0"
PACKAGES = ("@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm")
SCRIPTS = ("tfjs/dist/tf.min.js", "tfjs-backend-wasm/dist/tf-backend-wasm.min.js")
PLACE = "tfjs"
# `tf` is there; leaves what asks the network in `window.asked`, and gives its logits for a picture.
BUILD = """async ([file, path, layers]) => {
    const { CheckpointSet } = await import("./explorer/set.js");
    const { fetchFile } = await import("./explorer/download.js");
    const { graphFor } = await import("./explorer/manifest.js");
    const { pixelsOf } = await import("./explorer/picture.js");
    const { networkInput, resize } = await import("./explorer/pixels.js");
    const { toRgb } = await import("./explorer/shifts.js");
    const { storedWeights } = await import("./explorer/weights.js");
    tf.wasm.setWasmPaths(new URL("tfjs/", location.href).href);
    await tf.setBackend("wasm");
    await tf.ready();
    const base = new URL(".", location.href).href;
    const set = await CheckpointSet.open(base, window.manifest.index, window.manifest.formats);
    const checkpoint = await set.checkpoint(path), { config } = checkpoint;
    const graph = graphFor(window.manifest, checkpoint);
    const bytes = await fetchFile(set.base, set.weights(checkpoint));
    const { weights } = storedWeights(bytes, config, graph, path);
    const tensor = (name) => {
        const { shape, start } = graph.weights.find((one) => one.name === name);
        return tf.tensor(weights.slice(start, start + shape.reduce((a, b) => a * b, 1)), shape);
    };
    const made = layers.map((one) => {
        const filter = one.weight && tensor(one.weight), bias = one.bias && tensor(one.bias);
        const order = { dense: [1, 0], depthwise: [2, 3, 0, 1], conv: [2, 3, 1, 0] }[one.kind];
        return { ...one, filter: filter && tf.transpose(filter, order), bias };
    });
    const run = (images) => tf.tidy(() => {
        const values = { images };
        for (const { kind, inputs, output, filter, bias, stride, pad, activation } of made) {
            const x = values[inputs[0]];
            const all = { x, filter, strides: stride, pad, bias, activation };
            if (kind === "conv") values[output] = tf.fused.conv2d(all);
            else if (kind === "depthwise") values[output] = tf.fused.depthwiseConv2d(all);
            else if (kind === "add") values[output] = tf.add(x, values[inputs[1]]);
            else if (kind === "mean") values[output] = tf.mean(x, [1, 2]);
            else return tf.fused.matMul({ a: x, b: filter, bias });
        }
    });
    const picture = toRgb(await pixelsOf(await (await fetch(file)).blob()));
    const { image_size: size, mean, std } = config;
    const input = networkInput(resize(picture, size), mean, std);
    const images = tf.transpose(tf.tensor(input, [1, 3, size, size]), [0, 2, 3, 1]);
    window.asked = async () => {
        const logits = run(images), said = await logits.data();
        logits.dispose();
        return [...said];
    };
    return window.asked();
}"""
TIMED = """async (answers) => {
    const times = [];
    for (let i = 0; i <= answers; i += 1) {
        const start = performance.now();
        await window.asked();
        if (i) times.push(performance.now() - start);
    }
    return times;
}"""


def add_tfjs(folder: Path, packages: Path) -> list[Path]:
    """Install it below `packages`, put what it computes with into the served `folder`; returns its
    scripts."""
    names = [f"{name}@{VERSION}" for name in PACKAGES]
    options = ("--no-save", "--ignore-scripts", "--silent", "--prefix")
    subprocess.run(["npm", "install", *options, packages, *names], check=True)
    installed = packages / "node_modules" / "@tensorflow"
    (folder / PLACE).mkdir()
    for path in (installed / "tfjs-backend-wasm" / "dist").glob("*.wasm"):
        shutil.copyfile(path, folder / PLACE / path.name)
    return [installed / name for name in SCRIPTS]


def layers(architecture: str, size: int) -> list[dict[str, Any]]:
    """The network's graph as what `BUILD` knows. Raises ValueError for another kind of network."""
    graph = find_graph(architecture, size)
    if graph is None:
        raise ValueError(f"There is no graph of {architecture} for {size} px.")
    found: list[dict[str, Any]] = []
    same: dict[str, str] = {}  # what is only another name
    for node in graph.model.graph.node:
        inputs = [same.get(name, name) for name in node.input]
        if node.op_type == "Clip":  # of 0 and 6, in these networks
            found[-1] |= {"activation": "relu6", "output": node.output[0]}
        elif node.op_type in ("Reshape", "Identity"):
            same[node.output[0]] = inputs[0]
        else:
            found.append(_layer(node, inputs))
    return found


def _layer(node: Any, inputs: list[str]) -> dict[str, Any]:
    said: dict[str, Any] = {"inputs": inputs, "output": node.output[0]}
    if node.op_type in ("Add", "ReduceMean"):
        return {**said, "kind": {"Add": "add", "ReduceMean": "mean"}[node.op_type]}
    said |= {"weight": inputs[1], "bias": inputs[2]}
    if node.op_type == "Gemm":
        return {**said, "kind": "dense"}
    if node.op_type != "Conv":
        raise ValueError(f"{node.op_type} is not said to tfjs.")
    given = {one.name: list(one.ints) or one.i for one in node.attribute}
    kind = "conv" if given["group"] == 1 else "depthwise"
    return {**said, "kind": kind, "stride": given["strides"][0], "pad": given["pads"][0]}
