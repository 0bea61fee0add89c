// Parts of the page that need no network to answer: fetched when they are opened, once.

import { wireLearn } from "./learn.js";

/** @type {Map<string, Promise<void>>} */
const scripts = new Map();

/**
 * Open a part, if it was not opened before.
 * @param {HTMLElement} panel names its file
 * @param {(name: string, value: string) => void} changed hears what the address is to carry
 */
export async function openPart(panel, changed) {
  const file = panel.dataset.part;
  if (!file || panel.dataset.state) return;
  panel.dataset.state = "opening";
  try {
    const response = await fetch(file);
    if (!response.ok) throw new Error(String(response.status));
    panel.innerHTML = await response.text();  // escaped where it was made; no script in it can run
    panel.dataset.state = "open";
  } catch {
    delete panel.dataset.state;
    panel.textContent = "This part cannot be loaded: the network does not answer. Open it again later.";
    return;
  }
  if (panel.id === "panel-learn") wireLearn(panel, (step) => changed("step", step));
  if (panel.querySelector(".plot, .results-table")) {
    await script("parts/plotly.js");
    await script("parts/figures.js", panel.id);
  }
}

/**
 * Run a script of the folder; with a `key`, once for each.
 * @param {string} source
 * @param {string} key
 * @returns {Promise<void>}
 */
function script(source, key = "") {
  const name = source + key;
  const known = scripts.get(name) ?? new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = source;
    element.onload = () => resolve();
    element.onerror = () => reject(new Error(`${source} cannot be loaded: the network does not answer.`));
    document.head.append(element);
  });
  scripts.set(name, known);
  return known;
}
