// Choices of a part that the address carries: each says under which name.

import { byId, element } from "./dom.js";

/** @typedef {HTMLInputElement | HTMLSelectElement} Control */

/**
 * Set the choices as the address says, and let it be told of every change.
 * @param {HTMLElement} panel
 * @param {(name: string, value: string, usual: string) => void} changed
 */
export function linkControls(panel, changed) {
  const said = new URL(location.href).searchParams, asked = new Set(), taken = new Set();
  const domain = byId("domain").value.split("/").pop();
  for (const one of /** @type {NodeListOf<Control>} */ (panel.querySelectorAll("[data-address]"))) {
    const name = one.dataset.address ?? "", usual = valueOf(one), wanted = said.get(name);
    if (wanted !== null) asked.add(name);
    // The page with a server says the held-out domain once, and of a run its seed alone.
    if (wanted !== null && (take(one, wanted) || take(one, `${domain}-${wanted}`))) taken.add(name);
    one.addEventListener("input", () => changed(name, valueOf(one), usual));
  }
  // Several choices can have one name, each in a place of its own with its own values.
  const wrong = [...asked].filter((name) => !taken.has(name)).map((name) => `${name}=${said.get(name)?.slice(0, 40)}`);
  if (!wrong.length) return;
  panel.prepend(element("p", { class: "notice", role: "alert" }, `This address says what there is not: ${wrong.join(", ")}.`));
}

/** @param {Control} control @returns {string} */
function valueOf(control) {
  return control.type === "checkbox" ? String(/** @type {HTMLInputElement} */ (control).checked) : control.value;
}

/** @param {Control} control @param {string} value @returns {boolean} whether it has such a value */
function take(control, value) {
  const before = valueOf(control);
  if (control.type === "checkbox") /** @type {HTMLInputElement} */ (control).checked = value === "true";
  else control.value = value;
  const same = control.type === "range" ? Number(control.value) === Number(value) : valueOf(control) === value;
  if (same && control.checkValidity()) return true;
  if (control.type !== "checkbox") control.value = before;
  return false;
}
