// Shift it's strip: a picture at every whole severity, what each model says there, and a click goes there.

import { breakSentence } from "./breaks.js";
import { byId, element } from "./dom.js";
import { paint } from "./picture.js";
import { percent, plain } from "./sentences.js";

/** @typedef {import("./picture.js").Pixels} Pixels */
/** @typedef {import("./predictions.js").Prediction} Prediction */
/** @typedef {{pixels: Pixels, predictions: Prediction[]}} Frame a picture at a severity */

export class Strip {
  /**
   * @param {Record<string, {marker: string}>} methods
   * @param {(severity: number) => void} chosen hears which picture was clicked
   */
  constructor(methods, chosen) {
    this.methods = methods;
    this.place = byId("strip");
    this.key = "";
    byId("strip-frames").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const frame = /** @type {HTMLElement} */ (event.target).closest("[data-severity]");
      if (frame) chosen(Number(/** @type {HTMLElement} */ (frame).dataset.severity));
    });
  }

  /** What is shown is of something else, from now on: it says so. @param {string} key of what it should be of */
  expect(key) {
    const stale = key !== this.key;
    this.place.classList.toggle("stale", stale);
    this.place.setAttribute("aria-busy", String(stale));
    if (key === "") this.place.hidden = true;
  }

  /**
   * @param {string} key what the frames are of
   * @param {Frame[]} frames at severities 0, 1, ...
   * @param {string} title of the shift
   * @param {string} label the class that is watched
   */
  show(key, frames, title, label) {
    this.key = key;
    this.place.hidden = false;
    this.expect(key);
    const [lead, aside] = breakSentence(frames.map((one) => one.predictions), label);
    byId("strip-said").replaceChildren(lead, ...(aside ? [element("span", { class: "aside" }, aside)] : []));
    byId("strip-frames").setAttribute("aria-label", `${title} in ${frames.length} steps`);
    byId("strip-frames").replaceChildren(...frames.map(({ pixels, predictions }, severity) => {
      const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { role: "img", "aria-label": `${title}, severity ${severity}` }));
      paint(canvas, pixels);
      return element("li", {},
        element("button", { type: "button", "data-severity": severity }, canvas),
        element("p", { class: "at" }, `severity ${severity}`),
        element("ul", { class: "verdicts" }, ...predictions.map((one) => this.verdict(one, label))));
    }));
  }

  /** Which of the pictures is the one at the slider. @param {number} severity */
  mark(severity) {
    for (const button of this.place.querySelectorAll("[data-severity]")) {
      button.setAttribute("aria-pressed", String(Number(/** @type {HTMLElement} */ (button).dataset.severity) === severity));
    }
  }

  /** @param {Prediction} one @param {string} label */
  verdict(one, label) {
    return element("li", { class: one.label === label ? "agrees" : "dissents", style: `--ink: var(--${one.method})`, title: one.name },
      element("span", { class: "marker", "aria-hidden": "true" }, this.methods[one.method].marker),
      element("span", { class: "spoken" }, `${one.name}: `),
      element("span", { class: "class" }, plain(one.label)),
      element("span", { class: "sure" }, percent(one.confidence)));
  }
}
