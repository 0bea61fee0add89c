"""How fast the explorer without a server is: `python tests/browser_speed.py [--out FILE]`.

The bundled set is exported and served to headless Chromium. In turn, a sample goes through the
networks in the browser, in two workers of one WASM thread each, and in the server's engine, one of
them in tfjs too, which npm brings; then a moving picture stands in for a camera before all three
models. On a machine that does nothing else.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import static_site
import tfjs
from playwright.sync_api import Browser, Page, sync_playwright
from servers import CHROMIUM_FLAGS, chromium

from qtdog import cores
from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.inference import StoredModel, member_logits, open_stored
from qtdog.models import network_input, resize
from qtdog.places import PROGRAM, SAMPLES
from qtdog.provenance import code_version, cpu

SAMPLE = SAMPLES / "dog-line.png"
ROUNDS, ANSWERS = 11, 10
CAMERA_SECONDS = 20
# A first answer prepares what later ones use: it is not timed.
TIMED = """async ([file, path, answers]) => {
    const { pixelsOf } = await import("./explorer/picture.js");
    const { data, ...size } = await pixelsOf(await (await fetch(file)).blob());
    const times = [];
    for (let i = 0; i <= answers; i += 1) {
        const pixels = { ...size, data: data.slice() };
        const asked = [{ path, rounding: null }];
        const { answers: [said] } = await window.engine.classify(asked, pixels);
        if (i) times.push(said.milliseconds);
    }
    return times;
}"""
LONG_TASKS = """
    window.tasks = [];
    new PerformanceObserver((list) => {
        window.tasks.push(...list.getEntries().map((one) => one.duration));
    }).observe({ type: "longtask", buffered: true });
"""
WATCHED = """async (seconds) => {
    window.tasks.length = 0;
    let frames = 0, gap = 0, last = performance.now();
    const seen = new MutationObserver(() => { frames += 1; });
    seen.observe(document.querySelector("#answers"), { childList: true });
    const ticks = setInterval(() => {
        const now = performance.now();
        gap = Math.max(gap, now - last);
        last = now;
    }, 4);
    const start = performance.now();
    await new Promise((done) => setTimeout(done, seconds * 1000));
    const rate = (1000 * frames) / (performance.now() - start);
    seen.disconnect();
    clearInterval(ticks);
    return [rate, window.tasks, gap];
}"""


def sample_for(model: StoredModel) -> np.ndarray:
    """The sample as a model's networks take it."""
    config = model.config
    pixels = resize(read_image(SAMPLE), config.image_size)[None]
    return network_input(pixels, config.mean, config.std)


def engine_times(model: StoredModel) -> list[float]:
    """Milliseconds that the server's engine takes for the sample, one a time."""
    inputs, times = sample_for(model), []
    for _ in range(1 + ANSWERS):
        start = time.perf_counter()
        member_logits(model.networks, inputs)
        times.append(1000 * (time.perf_counter() - start))
    return times[1:]


def in_tfjs(page: Page, model: StoredModel, path: str, scripts: list[Path]) -> None:
    """Have the page hold a network in tfjs, which must give the logits of ours."""
    for script in scripts:
        page.add_script_tag(path=script)
    config = model.config
    asked = [f"samples/{SAMPLE.name}", path, tfjs.layers(config.architecture, config.image_size)]
    found = page.evaluate(tfjs.BUILD, asked)
    apart = np.abs(np.array(found) - model.networks[0].logits(sample_for(model))[0]).max()
    if apart > 1e-3:
        raise ValueError(f"In tfjs it is another network: logits differ by {apart:.3g}.")


def compared(
    browser: Browser, address: str, explorer: Explorer, scripts: list[Path]
) -> Iterator[str]:
    """A line a model: medians in the browser and in the engine, which take turns."""
    page = static_site.asked(browser, address)
    (target, *_) = page.evaluate("window.manifest.targets")
    paths = {one["method"]: one["path"] for one in target["models"]}
    stored = {method: open_stored(explorer.root / path) for method, path in paths.items()}
    in_tfjs(page, stored["erm"], paths["erm"], scripts)
    tfjs_times: list[float] = []
    times: dict[str, tuple[list[float], list[float]]] = {one: ([], []) for one in paths}
    for _ in range(ROUNDS):
        tfjs_times.extend(page.evaluate(tfjs.TIMED, ANSWERS))
        for method, path in paths.items():
            asked = [f"samples/{SAMPLE.name}", path, ANSWERS]
            times[method][0].extend(page.evaluate(TIMED, asked))
            times[method][1].extend(engine_times(stored[method]))
    page.close()
    size = stored["erm"].config.image_size
    yield f"{SAMPLE.name} at {size} px, median of {ROUNDS} x {ANSWERS} answers"
    yield "                    browser    engine   ratio   browser, a network"
    for method, (theirs, ours) in times.items():
        browsers, engines, count = *map(statistics.median, (theirs, ours)), stored[method].networks
        yield (
            f"{method:<8}{len(count):>2} networks {browsers:6.2f} ms {engines:6.2f} ms "
            f"{browsers / engines:6.2f}x {browsers / len(count):15.2f} ms"
        )
    other, ours = statistics.median(tfjs_times), statistics.median(times["erm"][0])
    yield f"erm in tfjs {tfjs.VERSION} (WASM) {other:.2f} ms: {other / ours:.2f}x the browser's"


def watched(browser: Browser, address: str) -> Iterator[str]:
    """Frames a second of all three models, and how long the page stands still at most."""
    page = browser.new_page(permissions=["camera"], service_workers="block")
    page.set_default_timeout(120_000)
    page.add_init_script(LONG_TASKS)
    page.goto(address)
    page.locator("#answers .card").nth(2).wait_for()
    opening = page.evaluate("window.tasks")
    page.click("#camera")
    page.locator("#rate:not(:empty)").wait_for()
    rate, tasks, gap = page.evaluate(WATCHED, CAMERA_SECONDS)
    page.close()
    yield f"camera: {rate:.1f} frames a second through all three models, over {CAMERA_SECONDS} s"
    yield f"longest task of the main thread while it opens and loads: {_longest(opening)}"
    yield f"with the camera: {_longest(tasks)}; longest wait of a 4 ms timer: {gap:.0f} ms"


def _longest(tasks: list[float]) -> str:
    """Browsers tell of tasks over 50 ms alone."""
    return f"{max(tasks):.0f} ms" if tasks else "none over 50 ms"


def report() -> Iterator[str]:
    """All lines."""
    yield f"commit {code_version()}"
    yield f"{cpu()}, {cores.count()} cores, load {os.getloadavg()[0]:.1f} at the start"
    explorer = Explorer(PROGRAM / "checkpoints")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        folder = static_site.exported(explorer.root, Path(place) / "site")
        scripts = tfjs.add_tfjs(folder, Path(place) / "packages")
        options: dict[str, Any] = {"executable_path": chromium(), "args": CHROMIUM_FLAGS}
        with static_site.serving(folder) as address, started.chromium.launch(**options) as browser:
            yield f"Chromium {browser.version}, two workers of one WASM thread each"
            yield from compared(browser, address, explorer, scripts)
            yield from watched(browser, address)


def main() -> None:
    """Print the lines, and write them to a file."""
    parser = argparse.ArgumentParser(description="Speed of the explorer without a server.")
    parser.add_argument("--out", type=Path, help="a file for the lines")
    out = parser.parse_args().out
    lines = ["python tests/browser_speed.py"]
    for line in report():
        print(line, flush=True)
        lines.append(line)
    if out:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
