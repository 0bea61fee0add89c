// The page: opened, wired, its state in the address.

import { begin as beginFigures } from "../figures/tools.js";
import { readAddress, writeAddress } from "./address.js";
import { byId } from "./dom.js";
import { Engine } from "./engine.js";
import { readManifest } from "./manifest.js";
import { keepPage, sayIfKept } from "./offline.js";
import { openPart } from "./parts.js";
import { TryIt } from "./try.js";

/** @typedef {import("./manifest.js").Manifest} Manifest */

const base = new URL(".", document.baseURI).href;
const dark = matchMedia("(prefers-color-scheme: dark)");
const METHODS = ["erm", "qt-dog", "eoq"];

/** Light or dark, as the system is; who draws on a canvas watches the body. */
function look() {
  for (const one of [document.documentElement, document.body]) one.classList.toggle("dark", dark.matches);
}

/** @param {Manifest} manifest @returns {Record<string, (value: string) => boolean>} what an address may say */
function knownValues(manifest) {
  const options = (/** @type {string} */ id) => [...byId(id).options].map((one) => one.value);
  const number = (/** @type {number} */ low, /** @type {number} */ high) => (/** @type {string} */ value) => (
    /^[0-9](\.[0-9]{1,17})?$/.test(value) && Number(value) >= low && Number(value) <= high
  );
  const isNetwork = (/** @type {string} */ value) => manifest.targets.some((one) => one.networks.some(({ path }) => path === value));
  return {
    tab: (value) => tabs().some((one) => one.dataset.tab === value),
    sample: (value) => value === "own" || manifest.samples.some((one) => one.name === value),
    domain: (value) => manifest.targets.some((one) => one.key === value),
    models: (value) => value.split(",").every((one) => METHODS.includes(one) || one === ""),
    class: (value) => manifest.targets.some((one) => one.classes.includes(value)),
    look: (value) => value === "true" || value === "false",
    shift: (value) => options("shift").includes(value),
    severity: number(0, 5),
    "shift-class": (value) => manifest.targets.some((one) => one.classes.includes(value)),
    bits: (value) => number(2, 8)(value) && Number.isInteger(Number(value)),
    rule: (value) => value === "start" || value === "least error",
    quantize: (value) => value === "grid" || value === "weights",
    "weights-first": isNetwork,
    "weights-second": isNetwork,
    "weights-layer": (value) => /^[A-Za-z0-9_.]*$/.test(value),
    step: (value) => number(1, 8)(value) && Number.isInteger(Number(value)),
  };
}

/** @returns {HTMLElement[]} */
function tabs() {
  return [...document.querySelectorAll("[data-tab]")].map((one) => /** @type {HTMLElement} */ (one));
}

/** @param {TryIt} page @param {string} name */
function openTab(page, name) {
  const { manifest } = page;
  const panel = document.getElementById(`panel-${name}`);
  for (const one of tabs()) {
    one.setAttribute("aria-selected", String(one.dataset.tab === name));
    one.tabIndex = one.dataset.tab === name ? 0 : -1;
  }
  for (const one of document.querySelectorAll(".part")) /** @type {HTMLElement} */ (one).hidden = one !== panel;
  byId("workbench").hidden = panel !== null;
  if (!panel) byId("workbench").setAttribute("aria-labelledby", `tab-${name}`);
  writeAddress({ tab: [name, "try"] });
  if (panel) {
    page.leave();
    openPart(base, manifest, panel, (key, value, usual) => writeAddress({ [key]: [value, usual] }));
  } else page.open(name);
}

/** @param {TryIt} page */
function wireTabs(page) {
  tabs().forEach((tab, place) => {
    tab.addEventListener("click", () => openTab(page, tab.dataset.tab ?? "try"));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by === undefined) return;
      const next = tabs()[(place + by + tabs().length) % tabs().length];
      next.focus();
      next.click();
    });
  });
}

async function start() {
  dark.addEventListener("change", look);
  look();
  const manifest = await readManifest(base);
  const engine = new Engine();
  const { said, wrong } = readAddress(knownValues(manifest));
  const page = new TryIt(engine, manifest, () => writeAddress(page.state));
  wireTabs(page);
  byId("needs").hidden = true;
  byId("page").hidden = false;
  beginFigures();
  await engine.open(base, manifest);
  const kept = keepPage(byId("offline"));
  page.onceLoaded = async (files) => {
    if (await kept) await sayIfKept(byId("offline"), files);
  };
  page.tab = said.get("tab") ?? "try";
  openTab(page, page.tab);
  await page.begin(said);
  if (wrong.length) page.say(`This address says what there is not: ${wrong.join(", ")}.`);
}

start().catch((error) => {
  byId("needs").textContent = error.message;
  byId("needs").hidden = false;
});
