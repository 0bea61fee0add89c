// Parts of the page that need no network to answer: fetched when they are opened, once.

import { byId } from "./dom.js";
import { addressOf, fetchFile, SetError } from "./download.js";
import { wireLearn } from "./learn.js";
import { linkControls } from "./linked.js";

/** @typedef {import("./manifest.js").Manifest} Manifest */

const FIGURES = "parts/figures.js";
const BROKEN = "This part cannot be loaded. Open it again later.";

const page = /** @type {{bringPlotly?: () => Promise<void>}} */ (globalThis);
let plotlyComing = /** @type {Promise<void> | null} */ (null);

/**
 * Open a part, if it was not opened before.
 * @param {string} base
 * @param {Manifest} manifest
 * @param {HTMLElement} panel names its file
 * @param {(name: string, value: string, usual: string) => void} changed hears what the address is to carry
 */
export async function openPart(base, manifest, panel, changed) {
  if (panel.dataset.state) return;
  panel.dataset.state = "open";
  const file = (/** @type {string | undefined} */ path) => {
    const found = manifest.files.find((one) => one.path === path);
    if (!found) throw new SetError(BROKEN);
    return found;
  };
  try {
    const content = await fetchFile(base, file(panel.dataset.part), () => {}, "the manifest");
    await fetchFile(base, file(FIGURES), () => {}, "the manifest");
    panel.classList.add("wiring");
    panel.innerHTML = new TextDecoder().decode(content);  // escaped where it was made; no script in it can run
    if (panel.id === "panel-learn") wireLearn(panel, (step) => changed("step", step, "1"));
    linkControls(panel, changed);
    const followed = followDomain(panel);
    await Promise.all([...panel.querySelectorAll(".train-place")].map(mountToy));
    if (!panel.querySelector("div.plot, .results-table")) return;
    page.bringPlotly = () => {  // figures wait for it, tables do not
      plotlyComing ??= run(base, file("parts/plotly.js"), "");
      plotlyComing.catch(() => { plotlyComing = null; });
      return plotlyComing;
    };
    await run(base, file(FIGURES), panel.id);
    followed();
    panel.classList.remove("wiring");
    if (panel.id !== "panel-learn") await page.bringPlotly();  // there one step of eight has a figure
  } catch (error) {
    delete panel.dataset.state;
    panel.textContent = error instanceof SetError ? `${error.message} ${BROKEN}` : BROKEN;
  } finally {
    panel.classList.remove("wiring");
  }
}

/**
 * Have a part's own choice of the held-out domain follow the page's.
 * @param {Element} panel
 * @returns {() => void} to be called once the part hears its choices
 */
function followDomain(panel) {
  const page = byId("domain"), own = /** @type {HTMLSelectElement | null} */ (panel.querySelector("[data-key=target]"));
  if (!own) return () => {};
  own.closest("label")?.classList.add("followed");
  const follow = () => {
    own.value = page.value;
    own.dispatchEvent(new Event("input", { bubbles: true }));
  };
  own.value = page.value;
  return () => page.addEventListener("change", follow);
}

/**
 * Fill a place for training toy networks with the modules that do it.
 * @param {Element} place
 */
async function mountToy(place) {
  const { record, fixed } = /** @type {HTMLElement} */ (place).dataset;
  const { mount } = await import(new URL("../toy/page.js", import.meta.url).href);
  mount(/** @type {HTMLElement} */ (place), JSON.parse(record ?? ""), fixed || null);
}

/**
 * Run a script of the folder; it is kept, so that the service worker has it without a network.
 * @param {string} base
 * @param {import("./download.js").FileHash} file
 * @param {string} root the place that it is to wire
 */
async function run(base, file, root) {
  await fetchFile(base, file, () => {}, "the manifest");
  await new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = addressOf(base, file);
    element.dataset.root = root;
    element.onload = resolve;
    element.onerror = () => reject(new SetError(BROKEN));
    document.head.append(element);
  });
}
