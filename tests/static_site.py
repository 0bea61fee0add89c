"""The explorer without a server, as tests export, serve and ask it."""

import base64
import json
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from bundled import BUNDLED, SHOWN
from result_files import write_results
from servers import running

from qtdog.browser import parts, write_explorer
from qtdog.checkpoints import load_config
from qtdog.explorer import Explorer, grains, tiles
from qtdog.places import LANDSCAPES, SHOWN_STUDY
from qtdog.results.memory import MEMORY

SKETCH = "pacs/sketch"
ENGINE = """async () => {
    const { Engine } = await import("./explorer/engine.js");
    const { readManifest } = await import("./explorer/manifest.js");
    window.manifest = await readManifest(location.href);
    window.engine = new Engine();
    await window.engine.open(new URL(".", location.href).href, window.manifest);
}"""
ANSWERS = """async ([file, key]) => {
    const { pixelsOf } = await import("./explorer/picture.js");
    const { prediction } = await import("./explorer/predictions.js");
    const target = window.manifest.targets.find((one) => one.key === key);
    const pixels = await pixelsOf(await (await fetch(file)).blob());
    const asked = target.models.map(({ path }) => ({ path, rounding: null }));
    const { answers: said } = await window.engine.classify(asked, pixels);
    return target.models.map((model, i) => ({
        logits: said[i].logits, ...prediction(model, model.method, target.classes, said[i].logits),
    }));
}"""

OPEN_ALL = """async (base) => {
    const { CheckpointSet } = await import("./explorer/set.js");
    const { fetchFile, SetError } = await import("./explorer/download.js");
    const { graphFor } = await import("./explorer/manifest.js");
    const { storedWeights } = await import("./explorer/weights.js");
    try {
        const response = await fetch(base + "index.json", { cache: "no-store" });
        const content = new Uint8Array(await response.arrayBuffer());
        const set = CheckpointSet.of(base + "index.json", content, window.manifest.formats);
        for (const path of set.files.keys()) {
            const checkpoint = await set.checkpoint(path);
            if (checkpoint.members.length) continue;
            const file = set.weights(checkpoint);
            const graph = graphFor(window.manifest, checkpoint);
            storedWeights(await fetchFile(set.base, file), checkpoint.config, graph, file.path);
        }
        return "";
    } catch (error) {
        return error instanceof SetError ? error.message : `Not a sentence: ${error.stack}`;
    }
}"""
"""Opens a set as it lies at an address, all of it; gives what the refusal said, or nothing."""


def tiny_set(root: Path, members: int = 2) -> Path:
    """A set of networks for which the package has a graph: at 32 px."""
    size, tiny.SIZE = tiny.SIZE, 32
    try:
        return tiny.save_set(root, members)
    finally:
        tiny.SIZE = size


def exported(
    root: Path, out: Path, results: Path = SHOWN_STUDY, landscapes: Path = LANDSCAPES
) -> Path:
    """The set at `root` as a folder; returns the folder. `results`, `landscapes`: others than the
    project's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "SHOWN_STUDY", results)
        patch.setattr(parts, "LANDSCAPES", landscapes)
        write_explorer(out, Explorer(root))
    return out


def few_results(folder: Path) -> Path:
    """Few of them, drawn in a second, and what memory buys as it is."""
    write_results(folder)
    shutil.copyfile(SHOWN_STUDY / MEMORY, folder / MEMORY)
    return folder


def few_landscapes(folder: Path, root: Path) -> Path:
    """The bundled ones of two networks, which say that they are of the tiny set at `root`."""
    place = folder / SKETCH
    place.mkdir(parents=True)
    called = {"erm-seed0": SHOWN["erm"], "qt-dog-7bit-seed0": SHOWN["qt-dog"]}
    changes = {}
    for own, theirs in called.items():
        changes[_hash(BUNDLED, theirs)] = _hash(root, own)
        changes[theirs] = own
    for path in (LANDSCAPES / SKETCH).glob("*-target-*"):
        record, name = path.read_text(encoding="utf-8"), path.name
        for theirs, own in changes.items():
            record, name = record.replace(theirs, own), name.replace(theirs, own)
        (place / name).write_text(record, encoding="utf-8")
    return folder


def _hash(root: Path, name: str) -> str:
    return load_config(root / SKETCH / name).files[0].sha256


def serving(folder: Path) -> AbstractContextManager[str]:
    """The folder's address while Python's own server serves it."""
    return running(["-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder)])


def manifest(folder: Path) -> dict[str, Any]:
    """What the folder says of itself."""
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def asked(browser, address: str):
    """A page of the folder from which its modules can be asked, without its policy."""
    page = browser.new_page(bypass_csp=True)
    page.set_default_timeout(90_000)
    page.goto(address + "style.css")
    page.evaluate(ENGINE)
    return page


ROUNDED = """async ([path, bits, rule]) => {
    const { CheckpointSet } = await import("./explorer/set.js");
    const { fetchFile } = await import("./explorer/download.js");
    const { graphFor } = await import("./explorer/manifest.js");
    const { codesOf, stepSizes } = await import("./explorer/rounding.js");
    const { openTensors, plainWeights } = await import("./explorer/weights.js");
    const base = new URL(".", location.href).href;
    const set = await CheckpointSet.open(base, window.manifest.index, window.manifest.formats);
    const checkpoint = await set.checkpoint(path);
    const graph = graphFor(window.manifest, checkpoint);
    const bytes = await fetchFile(set.base, set.weights(checkpoint));
    const plain = plainWeights(openTensors(bytes, path), graph);
    const { classifier, quantizable } = graph.facts;
    const names = quantizable.filter((name) => !name.startsWith(`${classifier}.`));
    return names.map((name) => {
        const { shape } = graph.weights.find((one) => one.name === name);
        const steps = stepSizes(plain.get(name), shape[0], bits, rule);
        const codes = new Uint8Array(codesOf(plain.get(name), steps, bits).buffer);
        let text = "";
        for (let i = 0; i < codes.length; i += 4096) {
            text += String.fromCharCode(...codes.subarray(i, i + 4096));
        }
        return [name, btoa(text), [...steps]];
    });
}"""
"""A full-precision checkpoint's codes, in base64, and step sizes, by weight."""

LAYER = """async (asked) => {
    const { layerName, layerSentence } = await import("./explorer/grid.js");
    const { graphFor } = await import("./explorer/manifest.js");
    const graph = graphFor(window.manifest, await window.engine.config(asked.path));
    const seen = await window.engine.layer(asked);
    const names = graph.facts.quantizable.map((name, i) => layerName(graph, name, i + 1));
    return { ...seen, sentence: layerSentence(seen), names };
}"""
"""A layer, rounded: its numbers, its sentence, and the names of all layers."""

COMPARED = """async ([first, second]) => {
    const { comparison, namesOf } = await import("./explorer/compared.js");
    const found = await window.engine.compare(first, second);
    const { networks } = window.manifest.targets[0];
    const network = (path) => networks.find((one) => one.path === path);
    return { ...found, said: comparison(found, namesOf(network(first), network(second))) };
}"""
"""Two networks compared: layers, the whole, and what is said of it."""

PAIRED = """async ([first, second, layer]) => {
    const { layersCsv } = await import("./explorer/compared.js");
    const { layerSentence } = await import("./explorer/paired.js");
    const [target] = window.manifest.targets;
    const network = (path) => target.networks.find((one) => one.path === path);
    const networks = [network(first), network(second)];
    const pair = await window.engine.pair(first, second, layer);
    const csv = layersCsv(await window.engine.compare(first, second), networks, target);
    return { ...pair, csv, said: layerSentence(pair, networks) };
}"""
"""One layer of two networks in detail, its sentence, and the CSV of all layers."""

BREAKS = """async ([steps, label]) => {
    const { breakSentence } = await import("./explorer/breaks.js");
    return breakSentence(steps, label);
}"""
"""Where a shift breaks models: the sentence, and more about it."""

SHIFTED = """async ([rgb, width, height, name, severity, grains, tiles]) => {
    const { shifted } = await import("./explorer/shifts.js");
    const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const chance = { grains: new Float32Array(bytes(grains).buffer), tiles };
    const image = { data: bytes(rgb), width, height };
    const { data } = await shifted(image, name, severity, chance);
    let text = "";
    for (let i = 0; i < data.length; i += 4096) {
        text += String.fromCharCode(...data.subarray(i, i + 4096));
    }
    return btoa(text);
}"""
"""A shift of an RGB picture: its bytes in base64, and the bytes that came of them."""


def shifted_in_browser(page, image, shift, severity: float) -> np.ndarray:
    """What the browser makes of an RGB image: (h, w, 3) uint8."""
    given = [
        base64.b64encode(image.tobytes()).decode(),
        *image.size,
        shift.name,
        severity,
        base64.b64encode(grains().tobytes()).decode(),
        tiles().tolist(),
    ]
    found = base64.b64decode(page.evaluate(SHIFTED, given))
    return np.frombuffer(found, np.uint8).reshape(image.height, image.width, 3)
