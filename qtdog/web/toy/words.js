/** What the tab says of numbers. Pure: numbers in, sentences out. */

import { COMPARED, side } from "./repeats.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./live.js").Frame} Frame */
/** @typedef {import("./repeats.js").Interval} Interval */

export const percent = (/** @type {number} */ value) => `${(100 * value).toFixed(1)} %`;
const signed = (/** @type {number} */ value, /** @type {number} */ digits) => {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
};

/** What an arm is called beside full precision. */
export function nameOf(/** @type {Settings} */ { arm, bits }) {
  const names = /** @type {Record<string, string>} */ ({
    "qt-dog": `QT-DoG, ${bits} bits`, noise: `noise, ${bits} bits`,
    frozen: `frozen, ${bits} bits`, rounded: `rounded after, ${bits} bits`,
  });
  return names[arm];
}

/** What is going on at this step. @param {Settings} settings  @param {Frame} frame */
export function happening(settings, { step, done }) {
  if (step === 0) return "Press Play: one network learns, and from the quantization step on a second one in another way.";
  if (done) return "";
  if (step <= settings.quantizeStep) return "Full precision: both networks are still one, and weights glide.";
  const says = /** @type {Record<string, string>} */ ({
    "qt-dog": "QT-DoG's weights snap to their marks; ghosts, the unrounded copies, glide on.",
    noise: "No weight is rounded: each gets noise as wide as a mark's distance, anew in every step.",
    frozen: "Weights were rounded once and stay; only biases learn.",
    rounded: "Nothing changes in training; this is what rounding now would give.",
  });
  return says[settings.arm];
}

/** What came out, of one run. @param {Settings} settings  @param {Frame} frame  @param {NonNullable<Frame["flatness"]>} flatness */
export function outcome(settings, { scores }, flatness) {
  const flat = flatness.other.rise < flatness.full.rise, right = scores.other.heldOut - scores.full.heldOut;
  const abroad = right === 0 ? "as often right" : `${(100 * Math.abs(right)).toFixed(1)} points ${right > 0 ? "better" : "worse"}`;
  return `This time, ${nameOf(settings)}: ${flat ? "a flatter valley" : "no flatter valley"}, and ${abroad} on the held-out `
    + "domain.";
}

/** An arm among those that seeds are repeated for. */
export function comparedName(/** @type {string} */ arm, /** @type {number} */ bits) {
  const name = COMPARED[/** @type {keyof typeof COMPARED} */ (arm)];
  return name[0].toUpperCase() + name.slice(1) + (arm === "averaged" ? "" : `, ${bits} bits`);
}

/** One sentence about many seeds. @param {string} name  @param {Interval} heldOut  @param {Interval} rise */
export function verdict(name, heldOut, rise) {
  const abroad = ["worse", "not decided", "better"][side(heldOut) + 1];
  const valley = ["flatter", "not decided", "steeper"][side(rise) + 1];
  return `${name}: on the held-out domain ${abroad} (${between(heldOut, 100, 1, " points")}); valley ${valley} `
    + `(rise ${between(rise, 1, 3)}).`;
}

/** "+1.1, −0.2 to +2.4" @param {Interval} interval */
export function between({ mean, low, high }, /** @type {number} */ times, /** @type {number} */ digits, unit = "") {
  return `${signed(times * mean, digits)}${unit}, 95 % interval ${signed(times * low, digits)} to ${signed(times * high, digits)}`;
}

/** "about 2 minutes" */
export function duration(/** @type {number} */ seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}

/** From a record's mean and its standard error. @param {{ difference: number, error: number }} one */
export function recorded({ difference, error }, times = 100, digits = 1) {
  return `${signed(times * difference, digits)} ± ${(times * error).toFixed(digits)}`;
}
