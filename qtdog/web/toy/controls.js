/** What one moves: sliders, choices and boxes for the settings. */

import { element } from "./element.js";
import { ARMS, NUMBERS, SHIFTS } from "./settings.js";

/** @typedef {import("./settings.js").Settings} Settings */

const LABELS = /** @type {Record<string, string>} */ ({
  strength: "How strong", noise: "Noise of the points", points: "Points a source", layers: "Hidden layers",
  width: "Neurons in each", rate: "Learning rate", bits: "Bits", quantizeStep: "Quantize at step",
});

/**
 * The form, and `show` to make it say other settings.
 * @param {(changed: Partial<Settings>) => void} changed
 */
export function controls(changed) {
  /** @type {Record<string, (settings: Settings) => void>} */
  const shows = {};
  const slider = (/** @type {string} */ name) => {
    const limits = /** @type {Record<string, any>} */ (NUMBERS)[name] ?? SHIFTS.rotation;
    const said = element("output");
    const input = element("input", {
      type: "range", min: limits.low, max: limits.high, step: limits.by, "data-name": name,
      oninput: () => { said.textContent = text(name, Number(input.value), unit); },
      onchange: () => changed({ [name]: Number(input.value) }),
    });
    let unit = "";
    const row = element("label", { class: "train-slider" }, element("span", {}, LABELS[name]), said, input);
    shows[name] = (settings) => {
      const of = SHIFTS[/** @type {keyof typeof SHIFTS} */ (settings.shift)];
      if (name === "strength") {
        [input.min, input.max, input.step] = [of.low, of.high, of.by];
        unit = of.unit;
      }
      row.hidden = settings.shift === "drawn" && ["strength", "noise", "points"].includes(name);
      input.value = String(/** @type {any} */ (settings)[name]);
      said.textContent = text(name, Number(input.value), unit);
    };
    return row;
  };
  const choice = (/** @type {"shift" | "arm"} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ options) => {
    const select = element("select", { "data-name": name, onchange: () => changed({ [name]: select.value }) },
      ...options.map(([value, words]) => element("option", { value }, words)));
    shows[name] = (settings) => { select.value = settings[name]; };
    return element("label", { class: "train-choice" }, element("span", {}, label), select);
  };
  const box = (/** @type {"averaged" | "ensemble"} */ name, /** @type {string} */ label) => {
    const input = element("input", { type: "checkbox", "data-name": name, onchange: () => changed({ [name]: input.checked }) });
    shows[name] = (settings) => { input.checked = settings[name]; };
    return element("label", { class: "train-box" }, input, label);
  };
  const form = element("form", { class: "train-controls", "aria-label": "Settings", onsubmit: (/** @type {Event} */ e) => e.preventDefault() },
    choice("shift", "How domains differ", Object.entries(SHIFTS).map(([value, one]) => [value, one.label])),
    slider("strength"),
    choice("arm", "Against full precision", Object.entries(ARMS)),
    ...["bits", "quantizeStep", "noise", "points", "layers", "width", "rate"].map(slider),
    box("averaged", "Average the weights"),
    box("ensemble", "Five seeds as one (EoQ)"),
  );
  return { form, show: (/** @type {Settings} */ settings) => Object.values(shows).forEach((one) => one(settings)) };
}

function text(/** @type {string} */ name, /** @type {number} */ value, /** @type {string} */ unit) {
  const digits = name === "rate" ? 3 : Number.isInteger(value) ? 0 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }) + unit;
}
