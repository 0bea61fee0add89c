"""How fast Landscape's first view stands, turns, and what memory it takes, in headless Chromium.

    PYTHONPATH=.:tests python scripts/landscape_speed.py --out assets/results/landscape_speed.txt

The page is served from the bundled checkpoints on this machine. First view: from the answer with
the surfaces to the first frame in which all of them are drawn. Turning: the mouse drags the first
surface for some seconds, which turns them all; frames are those that the browser drew. Memory: the
page's JavaScript heap, and all of the browser's processes together (PSS, on Linux), with the page's
first tab open and after Landscape was.
"""

import argparse
import os
import shlex
import statistics
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from servers import CHROMIUM_FLAGS, ROOT, chromium, running_app

from qtdog.files import write_atomically
from qtdog.provenance import code_version, cpu

VISITS = 5
AGAIN = 5
TURN_SECONDS = 5.0
MARK = f"--landscape-speed={os.getpid()}"  # by which the browser's own process is found
WINDOW = {"width": 1280, "height": 900}
# When the answer that holds surfaces has come, and when the frame with all of them has been drawn.
WATCH = """
window.wanted = "loss";
window.seen = { data: null, drawn: null };
const asked = window.fetch;
window.fetch = async (...what) => {
    const answer = await asked(...what);
    const copy = answer.clone();
    if (/run|predict|queue/.test(String(what[0]?.url ?? what[0])))
        copy.text().then((text) => {
            if (!text.includes('surface')) return;
            window.seen = { data: performance.now(), drawn: null };
            const look = () => {
                const places = [...document.querySelectorAll('.landscape-planes .surface')];
                const there = places.length && places.every((one) =>
                    one.dataset.drawn === window.wanted);
                if (there) requestAnimationFrame(() => (window.seen.drawn ??= performance.now()));
                else requestAnimationFrame(look);
            };
            look();
        });
    return answer;
};
"""
COUNT = """() => {
    window.frames_drawn = [];
    const tick = (now) => { window.frames_drawn.push(now); requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
}"""
PICTURES = """() => [...document.querySelectorAll('.landscape-planes .surface canvas')]
    .map((one) => one.toDataURL())"""


def opened(page: Page, address: str) -> float:
    """Open Landscape; gives the milliseconds from its data to its first view."""
    page.goto(address)
    page.locator("#answers .card").first.wait_for()
    page.click('#tabs button[role="tab"][data-tab-id="landscape"]')
    return first_view(page)


def first_view(page: Page) -> float:
    """Milliseconds from the data to the frame in which all surfaces are drawn."""
    page.wait_for_function("window.seen.drawn !== null")
    return page.evaluate("window.seen.drawn - window.seen.data")


def shown_again(page: Page) -> float:
    """The same of another view of the surfaces."""
    other = page.locator("#landscape-height input:not(:checked)").first
    page.evaluate(
        "wanted => { window.wanted = wanted; window.seen = { data: null, drawn: null }; }",
        other.get_attribute("value"),
    )
    other.check(force=True)
    return first_view(page)


def turned(page: Page) -> tuple[float, int]:
    """Frames a second while all surfaces turn, and how many turn."""
    box = page.locator("#landscape-surface-0 canvas").first.bounding_box()
    if box is None:
        raise RuntimeError("There is no surface to turn.")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.evaluate(PICTURES)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(COUNT)
    end = time.monotonic() + TURN_SECONDS
    step = 0
    while time.monotonic() < end:
        step += 1
        page.mouse.move(x + 60 * ((step // 8) % 2 * 2 - 1) * (step % 8) / 8, y + step % 5)
        page.wait_for_timeout(8)
    frames = page.evaluate("window.frames_drawn")
    page.mouse.up()
    page.wait_for_timeout(3000)  # what has not been drawn yet is
    after = page.evaluate(PICTURES)
    moved = sum(one != other for one, other in zip(before, after, strict=True))
    return 1000 * (len(frames) - 1) / (frames[-1] - frames[0]), moved


def memory(page: Page) -> tuple[float, float]:
    """MB of the page's JavaScript heap, and PSS of all of the browser's processes."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {
        one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]
    }
    session.detach()
    return metrics["JSHeapUsedSize"] / 1e6, sum(map(pss, family(MARK))) / 1e6


def family(mark: str) -> list[int]:
    """The process with that word in its command, and all of its descendants."""
    parents, found = {}, set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
        if mark in command:
            found.add(int(folder.name))
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def pss(process: int) -> int:
    """Bytes; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def measured(browser: Browser, address: str) -> list[str]:
    """One line a figure."""
    firsts, agains = [], []
    lines = []
    for visit in range(VISITS):
        page = browser.new_page(viewport=WINDOW)
        page.set_default_timeout(120_000)
        page.add_init_script(WATCH)
        if visit == 0:
            page.goto(address)
            page.locator("#answers .card").first.wait_for()
            before = memory(page)
        firsts.append(opened(page, address))
        agains += [shown_again(page) for _ in range(AGAIN)] if visit == 0 else []
        if visit == 0:
            after = memory(page)
            rate, moved = turned(page)
            lines += [
                f"turning {moved} surfaces: {rate:.0f} frames a second",
                f"memory, Try it open: JavaScript heap {before[0]:.0f} MB, browser "
                f"{before[1]:.0f} MB",
                f"memory, Landscape open: JavaScript heap {after[0]:.0f} MB, browser "
                f"{after[1]:.0f} MB",
            ]
        page.close()
    return [
        f"first view of a visit: {spread(firsts)}",
        f"another view of the surfaces: {spread(agains)}",
        *lines,
    ]


def spread(times: list[float]) -> str:
    """ "240 ms (median of 5, 210 to 300)"."""
    return f"{statistics.median(times):.0f} ms (median of {len(times)}, {min(times):.0f} to " + (
        f"{max(times):.0f})"
    )


def main() -> None:
    """Print the figures, and write them where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help="also write them to this file")
    out = parser.parse_args().out
    load = os.getloadavg()[0]
    with running_app(ROOT / "checkpoints") as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=[*CHROMIUM_FLAGS, MARK])
        version = browser.version
        lines = measured(browser, address)
        browser.close()
    text = "\n".join(
        [
            f"Landscape's surfaces in headless Chromium {version}, drawn by software, at "
            f"{WINDOW['width']} × {WINDOW['height']}.",
            f"Command: PYTHONPATH=.:tests python {shlex.join(sys.argv)}",
            f"Code: {code_version()}. {cpu()}, {os.cpu_count()} cores, load {load:.1f} at the "
            "start.",
            "",
            *lines,
            "",
        ]
    )
    print(text)
    if out:
        write_atomically(out, lambda handle: handle.write(text.encode()))


if __name__ == "__main__":
    main()
