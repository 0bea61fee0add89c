/** "Is it luck?": all arms of one seed, and what many seeds say together. */

import { domains } from "./domains.js";
import { Meter } from "./flatness.js";
import { STEPS } from "./settings.js";
import { Run, roundedAfter } from "./training.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {{ heldOut: number, source: number } & import("./flatness.js").Flatness} Measured */
/** @typedef {{ seed: number, arms: Record<string, Measured | null> }} Repeat null: it diverged */
/** @typedef {{ count: number, mean: number, low: number, high: number }} Interval of 95 % */

/** All arms, full precision first, which the others are compared with. */
export const COMPARED = {
  "full-precision": "full precision",
  averaged: "averaged weights",
  "qt-dog": "QT-DoG",
  noise: "noise of the same size",
  rounded: "rounded after training",
  frozen: "frozen",
};

/**
 * Train and measure every arm of one seed, or those named.
 * @param {Settings} settings  @param {number} seed  @param {string[]} [only]
 * @returns {Repeat}
 */
export function repeat(settings, seed, only = Object.keys(COMPARED)) {
  const data = domains(seed, settings), trunk = new Run(seed, settings, data.source);
  while (trunk.step < settings.quantizeStep) trunk.advance();
  const onSource = new Meter(seed, trunk.shape, data.source);
  const onHeldOut = new Meter(seed, trunk.shape, data.heldOut);
  const measured = (/** @type {Float64Array} */ network) =>
    network.every(Number.isFinite)
      ? { heldOut: onHeldOut.accuracy(network), source: onSource.accuracy(network), ...onSource.flatness(network) }
      : null;
  const finished = (/** @type {import("./training.js").Arm} */ arm) => {
    const run = trunk.branch(arm);
    while (run.step < STEPS) run.advance();
    return run;
  };
  const full = finished("full-precision");
  /** @type {Repeat["arms"]} */
  const arms = { "full-precision": measured(full.parameters) };
  for (const arm of only) {
    if (arm === "averaged") arms[arm] = measured(full.averaged());
    else if (arm === "rounded") arms[arm] = measured(roundedAfter(full.shape, full.parameters, settings.bits));
    else if (arm !== "full-precision") {
      arms[arm] = measured(finished(/** @type {import("./training.js").Arm} */ (arm)).stored());
    }
  }
  return { seed, arms };
}

/**
 * The paired differences from full precision, one a seed where both are there.
 * @param {Repeat[]} repeats  @param {string} arm  @param {keyof Measured} what
 */
export function differences(repeats, arm, what) {
  return repeats.flatMap(({ arms }) => {
    const one = arms[arm], usual = arms["full-precision"];
    return one && usual ? [one[what] - usual[what]] : [];
  });
}

/** Mean and 95 % interval. @returns {Interval} */
export function interval(/** @type {number[]} */ values) {
  const count = values.length, mean = values.reduce((sum, one) => sum + one, 0) / count;
  const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (count - 1);
  const half = studentsT(count - 1) * Math.sqrt(variance / count);
  return { count, mean, low: mean - half, high: mean + half };
}

/** The 97.5 % point of Student's t, to 0.2 % from 5 degrees of freedom on. */
function studentsT(/** @type {number} */ freedom) {
  return 1.96 + 2.372 / freedom + 2.823 / freedom ** 2 + 2.556 / freedom ** 3;
}

/** -1, 0 or 1: whether values are decidedly below, not decidedly other than, or above 0. */
export function side(/** @type {Interval} */ { low, high }) {
  return low > 0 ? 1 : high < 0 ? -1 : 0;
}

/** All that was measured, as CSV. */
export function csv(/** @type {Repeat[]} */ repeats) {
  const columns = /** @type {(keyof Measured)[]} */ (["source", "heldOut", "rise", "fittedRise", "lost"]);
  const lines = repeats.flatMap(({ seed, arms }) =>
    Object.entries(arms).map(([arm, one]) => [seed, arm, ...columns.map((name) => one?.[name] ?? "")].join(",")));
  return ["seed,arm,source_accuracy,held_out_accuracy,rise,fitted_rise,accuracy_lost", ...lines].join("\n") + "\n";
}
