// Whether the page works without a network, and whether a newer one is there.

import { isKept } from "./download.js";

const WORKS = "Works offline: this page and the models that you have looked at are kept in this browser.";
const NEWER = "A newer version of this page is there: reload it.";

/**
 * Keep the page for visits without a network. Browsers do that on https and on this machine alone.
 * @param {HTMLElement} place says how it stands
 * @returns {Promise<boolean>} whether it is kept
 */
export async function keepPage(place) {
  if (!navigator.serviceWorker) return false;
  const before = navigator.serviceWorker.controller;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (before) place.textContent = NEWER;
  });
  try {
    const registration = await navigator.serviceWorker.register("service-worker.js", { updateViaCache: "none" });
    if (!registration.active) await navigator.serviceWorker.ready;
    return true;
  } catch {  // the next visit tries again
    return false;
  }
}

/**
 * Say that it works offline once all of some files are kept.
 * @param {HTMLElement} place
 * @param {[string, import("./download.js").FileHash][]} files each with its base
 */
export async function sayIfKept(place, files) {
  const kept = await Promise.all(files.map(([base, file]) => isKept(base, file)));
  if (kept.every(Boolean) && place.textContent !== NEWER) place.textContent = WORKS;
}
