// Parts of the page that need no network to answer: fetched when they are opened, once.

import { addressOf, fetchFile, SetError } from "./download.js";
import { wireLearn } from "./learn.js";

/** @typedef {import("./manifest.js").Manifest} Manifest */

const BROKEN = "This part cannot be loaded. Open it again later.";
/** @type {Promise<void> | null} */
let plotly = null;

/**
 * Open a part, if it was not opened before.
 * @param {string} base
 * @param {Manifest} manifest
 * @param {HTMLElement} panel names its file
 * @param {(name: string, value: string) => void} changed hears what the address is to carry
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
    panel.innerHTML = new TextDecoder().decode(content);  // escaped where it was made; no script in it can run
    if (panel.id === "panel-learn") wireLearn(panel, (step) => changed("step", step));
    if (!panel.querySelector(".plot, .results-table")) return;
    plotly ??= run(base, file("parts/plotly.js"), "");
    await plotly;
    await run(base, file("parts/figures.js"), panel.id);
  } catch (error) {
    delete panel.dataset.state;
    plotly = null;
    panel.textContent = error instanceof SetError ? `${error.message} ${BROKEN}` : BROKEN;
  }
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
