// The page: opened, wired, its state in the address.

import { readAddress, writeAddress } from "./address.js";
import { byId } from "./dom.js";
import { Engine } from "./engine.js";
import { readManifest } from "./manifest.js";
import { keepPage, sayIfKept } from "./offline.js";
import { TryIt } from "./try.js";

const base = new URL(".", document.baseURI).href;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Light or dark, as the system is. */
function look() {
  document.documentElement.classList.toggle("dark", dark.matches);
}

async function start() {
  dark.addEventListener("change", look);
  look();
  const manifest = await readManifest(base);
  const engine = new Engine();
  const methods = ["erm", "qt-dog", "eoq"];
  const { said, wrong } = readAddress({
    sample: (value) => manifest.samples.some((one) => one.name === value),
    domain: (value) => manifest.targets.some((one) => one.key === value),
    models: (value) => value.split(",").every((one) => methods.includes(one) || one === ""),
    class: (value) => manifest.targets.some((one) => one.classes.includes(value)),
    look: (value) => value === "true" || value === "false",
  });
  const page = new TryIt(engine, manifest, () => writeAddress(page.state));
  byId("needs").hidden = true;
  byId("page").hidden = false;
  await engine.open(base, manifest);
  const kept = keepPage(byId("offline"));
  page.onceLoaded = async (files) => {
    if (await kept) await sayIfKept(byId("offline"), files);
  };
  await page.begin(said);
  if (wrong.length) page.say(`This address says what there is not: ${wrong.join(", ")}.`);
}

start().catch((error) => {
  byId("needs").textContent = error.message;
  byId("needs").hidden = false;
});
