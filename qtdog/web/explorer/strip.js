// Shift it's strip: a picture at every whole severity, what each model says there, and a click goes there. Below it
// how probable the models hold the class that is watched.

import { breakSentence } from "./breaks.js";
import { csvLink } from "./csv.js";
import { byId, element } from "./dom.js";
import { paint } from "./picture.js";
import { percent, plain } from "./sentences.js";
import { probabilityCsv, probabilityFigure, probabilityTable } from "./watched.js";

/** @typedef {import("./picture.js").Pixels} Pixels */
/** @typedef {import("./predictions.js").Prediction} Prediction */
/** @typedef {{pixels: Pixels, predictions: Prediction[]}} Frame a picture at a severity */
/**
 * What a strip is of: a key, the frames at severities 0, 1, ..., the shift by name and title, the class that the picture
 * shows, the held-out domain, and the models' checkpoints by method.
 * @typedef {{
 *   key: string, frames: Frame[], shift: string, title: string, known: string, heldOut: string,
 *   networks: Record<string, string>
 * }} Shown
 */

export class Strip {
  /**
   * @param {Record<string, {marker: string}>} methods
   * @param {(severity: number) => void} chosen hears which picture was clicked
   * @param {() => void} changed hears that what the address carries has changed
   */
  constructor(methods, chosen, changed) {
    this.methods = methods;
    this.place = byId("strip");
    this.shown = /** @type {Shown | null} */ (null);
    this.watched = "";  // the class that somebody chose; empty for the one that the picture shows
    this.at = { severity: 0, here: /** @type {Prediction[]} */ ([]) };
    byId("shift-class").addEventListener("change", () => {
      this.watched = byId("shift-class").value;
      changed();
      this.draw();
    });
    byId("strip-frames").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const frame = /** @type {HTMLElement} */ (event.target).closest("[data-severity]");
      if (frame) chosen(Number(/** @type {HTMLElement} */ (frame).dataset.severity));
    });
  }

  /** What it is of; empty for nothing. */
  get key() {
    return this.shown?.key ?? "";
  }

  /** The class that is watched. */
  get label() {
    const classes = this.shown?.frames[0].predictions[0].classes ?? [];
    return classes.includes(this.watched) ? this.watched : this.shown?.known ?? "";
  }

  /** What is shown is of something else, from now on: it says so. @param {string} key of what it should be of */
  expect(key) {
    const stale = key !== this.key;
    this.place.classList.toggle("stale", stale);
    this.place.setAttribute("aria-busy", String(stale));
    if (key === "") this.place.hidden = true;
  }

  /** @param {Shown} shown */
  show(shown) {
    this.shown = shown;
    this.place.hidden = false;
    this.expect(shown.key);
    this.draw();
  }

  /** All of it, for the class that is watched. */
  draw() {
    if (!this.shown) return;
    const { frames, shift, title, heldOut, networks } = this.shown, { label } = this;
    const series = { shift, title, label, steps: frames.map((one) => one.predictions) };
    byId("shift-class").value = label;
    const [lead, aside] = breakSentence(series.steps, label);
    byId("strip-said").replaceChildren(lead, ...(aside ? [element("span", { class: "aside" }, aside)] : []));
    byId("strip-frames").setAttribute("aria-label", `${title} in ${frames.length} steps`);
    byId("strip-frames").replaceChildren(...frames.map((one, severity) => this.frame(one, severity, title, label)));
    byId("strip-table").replaceChildren(probabilityTable(series));
    byId("strip-save").replaceChildren(csvLink(probabilityCsv(series, heldOut, networks), `${shift}.csv`));
    this.mark(this.at.severity, this.at.here);
  }

  /** @param {Frame} frame @param {number} severity @param {string} title @param {string} label */
  frame({ pixels, predictions }, severity, title, label) {
    const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { role: "img", "aria-label": `${title}, severity ${severity}` }));
    paint(canvas, pixels);
    return element("li", {},
      element("button", { type: "button", "data-severity": severity }, canvas),
      element("p", { class: "at" }, `severity ${severity}`),
      element("ul", { class: "verdicts" }, ...predictions.map((one) => this.verdict(one, label))));
  }

  /** Which of the pictures is the one at the slider. @param {number} severity @param {Prediction[]} here what the models say there */
  mark(severity, here) {
    this.at = { severity, here };
    for (const button of this.place.querySelectorAll("[data-severity]")) {
      button.setAttribute("aria-pressed", String(Number(/** @type {HTMLElement} */ (button).dataset.severity) === severity));
    }
    if (!this.shown) return;
    const { frames, shift, title } = this.shown, steps = frames.map((one) => one.predictions);
    const chart = probabilityFigure({ shift, title, label: this.label, steps }, severity, steps[severity] ?? here, this.methods);
    byId("strip-chart").replaceChildren(chart);
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
