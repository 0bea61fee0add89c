/**
 * Five views as links, with two sentences each; their numbers come from the record. Each opens with a
 * seed, of the first twenty, that comes near to the means of the record.
 */

import { percent, recorded } from "./words.js";

/** @typedef {import("./claims.js").ToyRecord} ToyRecord */

/** @param {ToyRecord} record */
export function scenes(record) {
  const on = (/** @type {string} */ shift, /** @type {string} */ arm, /** @type {number | null} */ bits) =>
    /** @type {import("./claims.js").ArmRecord} */ (record.shifts.find((one) => one.shift === shift)?.arms
      .find((one) => one.arm === arm && one.bits === bits));
  const full = on("rotation", "full-precision", null), rounds = on("rotation", "qt-dog", 3);
  const noise = on("rotation", "noise", 3), frozen = on("rotation", "frozen", 3), after = on("rotation", "rounded", 3);
  const scale = on("scale", "qt-dog", 3), seeds = record.seeds;
  const points = (/** @type {import("./claims.js").ArmRecord} */ arm) => `${recorded(arm.held_out)} points`;
  return [
    {
      name: "The valley flattens", query: "",
      says: `Watch the two surfaces from step 800 on, when QT-DoG begins to round. Over ${seeds} seeds the same move `
        + `then costs ${rounds.rise.mean.toFixed(2)} of loss instead of ${full.rise.mean.toFixed(2)}, and the held-out `
        + `domain changes by ${points(rounds)}; on the way one seed goes up and down.`,
    },
    {
      name: "It is the noise", query: "toy-arm=noise&toy-seed=15",
      says: `Nothing is rounded here: each weight gets noise as wide as a rounding step. Over ${seeds} seeds the rise `
        + `falls to ${noise.rise.mean.toFixed(2)} all the same, and the held-out domain changes by ${points(noise)}.`,
    },
    {
      name: "Frozen is flat and wrong", query: "toy-arm=frozen&toy-seed=15",
      says: `Weights are rounded once at step 800 and stay. The valley is flat too (${frozen.rise.mean.toFixed(2)}), but `
        + `the held-out domain changes by ${points(frozen)}: flat is not the same as good.`,
    },
    {
      name: "Rounding afterwards is not the same", query: "toy-arm=rounded&toy-seed=12",
      says: `Full precision is trained to the end and rounded then. The valley stays as steep `
        + `(${after.rise.mean.toFixed(2)}), and the held-out domain changes by ${points(after)}.`,
    },
    {
      name: "When it does not help", query: "toy-shift=scale&toy-seed=1",
      says: `The held-out domain is larger instead of turned. The valley gets flatter again `
        + `(${scale.rise.mean.toFixed(2)} instead of ${on("scale", "full-precision", null).rise.mean.toFixed(2)}), but the `
        + `held-out domain, ${percent(on("scale", "full-precision", null).held_out.mean)} right, changes by only ${points(scale)}.`,
    },
  ];
}
