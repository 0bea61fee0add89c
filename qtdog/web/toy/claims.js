/** What was measured once and for all, as a table: the record of `qtdog toy`. */

import { element } from "./element.js";
import { SHIFTS } from "./settings.js";
import { percent, recorded } from "./words.js";

/** @typedef {{ mean: number, difference: number, error: number }} Mean */
/** @typedef {{ arm: string, bits: number | null, source: Mean, held_out: Mean, rise: Mean, fitted_rise: Mean, lost: Mean }} ArmRecord */
/** @typedef {{ command: string, commit: string, seeds: number, shifts: { shift: string, strength: number, arms: ArmRecord[] }[] }} ToyRecord */

const NAMES = /** @type {Record<string, string>} */ ({
  "full-precision": "Full precision", averaged: "Averaged weights", "qt-dog": "QT-DoG", noise: "Noise instead of rounding",
  rounded: "Rounded after training", frozen: "Frozen at the quantization step",
});

/** @param {ToyRecord} record */
export function claims(record) {
  const parts = record.shifts.map(({ shift, strength, arms }) => {
    const { label, unit } = SHIFTS[/** @type {keyof typeof SHIFTS} */ (shift)];
    const head = element("tr", {}, ...["", "Held-out domain", "Rise of the loss", "… at fitted temperature", "Accuracy lost by the move"]
      .map((text) => element("th", { scope: "col" }, text)));
    const rows = arms.map((one) => element("tr", {},
      element("th", { scope: "row" }, NAMES[one.arm] + (one.bits ? `, ${one.bits} bits` : "")),
      ...(one.arm === "full-precision"
        ? [percent(one.held_out.mean), one.rise.mean.toFixed(3), one.fitted_rise.mean.toFixed(3), percent(one.lost.mean)]
        : [`${recorded(one.held_out)} points`, `${one.rise.mean.toFixed(3)} (${recorded(one.rise, 1, 3)})`,
          `${one.fitted_rise.mean.toFixed(3)} (${recorded(one.fitted_rise, 1, 3)})`, `${recorded(one.lost)} points`]
      ).map((text) => element("td", {}, text))));
    return element("div", { class: "train-table" }, element("table", {},
      element("caption", {}, `${label} (${strength}${unit})`), element("thead", {}, head), element("tbody", {}, ...rows)));
  });
  return element("details", { class: "train-claims", "data-part": "claims" },
    element("summary", {}, `Measured once and for all: ${record.seeds} seeds of every kind of shift`),
    element("p", {}, "Differences are from full precision of the same seed, ± one standard error. A rise is what the "
      + "source loss gains when every neuron's weights move by 0.3 of their norm in a random direction, the mean of 20. "
      + "Smaller logits alone make a rise smaller: so it stands here at fitted temperature too, and as accuracy that "
      + "the same move costs. Where a network makes no error on its sources that fit has no end: it stops at 55 times the "
      + "logits, and tells little. The tab and each scene open with one of the first twenty seeds that comes near its mean here."),
    ...parts,
    element("p", {}, `From ${record.command}, commit ${record.commit.slice(0, 12)}.`));
}
