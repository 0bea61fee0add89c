/** The networks that one watches, and all that is drawn of them, as frames. */

import { domains } from "./domains.js";
import { Meter } from "./flatness.js";
import { Runner } from "./network.js";
import { STEPS } from "./settings.js";
import { Surfaces } from "./surfaces.js";
import { Run, roundedAfter } from "./training.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {{ source: number, heldOut: number }} Scores accuracies, fractions */
/**
 * @typedef {object} Frame
 * @property {number} step
 * @property {boolean} done
 * @property {boolean} diverged a number is none any more; nothing else is told then
 * @property {boolean} settled nothing of the figures is still being computed
 * @property {{ full: Scores, other: Scores, ensemble: Scores | null }} scores
 * @property {{ full: Float32Array, other: Float32Array, ensemble: Float32Array | null }} fields
 *     margins of the second class on a grid of FIELD x FIELD points
 * @property {{ full: Float64Array, other: Float64Array, behind: Float64Array, logSteps: Float64Array | null }} weights
 *     of the first member; `behind`: the unrounded ones
 * @property {{ full: import("./flatness.js").Flatness, other: import("./flatness.js").Flatness } | null} flatness
 *     when it was measured in this frame
 * @property {import("./surfaces.js").Pair | null} surfaces when they are new
 */

export const FIELD = 33; // points along a side of the decision fields
const MEMBERS = 5, APART = 10_000; // an ensemble's networks, and how far apart their seeds are
const FLATNESS_EVERY = 50; // steps

export class Live {
  constructor(/** @type {Settings} */ settings) {
    this.settings = settings;
    this.data = domains(settings.seed, settings);
    const count = settings.ensemble ? MEMBERS : 1;
    /** @type {{ full: Run, other: Run }[]} */
    this.members = Array.from({ length: count }, (_, k) => {
      const run = new Run(settings.seed + k * APART, settings, this.data.source);
      return { full: run, other: run };
    });
    const { shape } = this.members[0].full;
    this.onSource = new Meter(settings.seed, shape, this.data.source);
    this.onHeldOut = new Meter(settings.seed, shape, this.data.heldOut);
    this.surfaces = new Surfaces(settings.seed, shape, this.data.source);
    this.reach = reachOf(this.data);
    this.field = new Float64Array(FIELD * FIELD * this.data.source.dimensions);
    for (let i = 0; i < FIELD * FIELD; i++) {
      const at = i * this.data.source.dimensions; // a third input is 0
      this.field[at] = this.reach * ((2 * (i % FIELD)) / (FIELD - 1) - 1);
      this.field[at + 1] = this.reach * (1 - (2 * Math.floor(i / FIELD)) / (FIELD - 1));
    }
    this.ones = new Uint8Array(FIELD * FIELD).fill(1);
    this.runner = new Runner(shape, FIELD * FIELD);
    this.measuredAt = -1;
  }

  get step() {
    return this.members[0].full.step;
  }

  /** Train `steps` steps, or fewer to the end. @returns {Frame} */
  advance(/** @type {number} */ steps) {
    const { arm, quantizeStep } = this.settings;
    const until = Math.min(this.step + steps, STEPS);
    for (const member of this.members) {
      while (member.full.step < until) {
        if (member.full.step === quantizeStep && arm !== "rounded") {
          member.other = member.full.branch(/** @type {import("./training.js").Arm} */ (arm));
        }
        member.full.advance();
        if (member.other !== member.full) member.other.advance();
      }
    }
    return this.frame();
  }

  /** What there is to see now. @returns {Frame} */
  frame() {
    const { settings, step } = this, parted = step > settings.quantizeStep;
    const full = this.#kept(this.members[0].full);
    const others = parted ? this.members.map((one) => this.#other(one)) : [full, ...this.members.slice(1).map((one) => this.#kept(one.full))];
    const other = others[0], branched = this.members[0].other;
    const diverged = [full, ...others].some((one) => !one.every(Number.isFinite));
    const done = step >= STEPS;
    if (diverged) return /** @type {Frame} */ ({ step, done: true, diverged, settled: true });
    const ensemble = settings.ensemble ? others : null;
    const measured = done || step - this.measuredAt >= FLATNESS_EVERY;
    const flatness = measured && this.measuredAt !== step ? this.#flatness(full, other) : null;
    if (flatness) this.measuredAt = step;
    const scores = this.#scores([full]), field = this.#field([full]);
    return {
      step, done, diverged, flatness,
      scores: { full: scores, other: parted ? this.#scores([other]) : scores, ensemble: ensemble && this.#scores(ensemble) },
      fields: { full: field, other: parted ? this.#field([other]) : field, ensemble: ensemble && this.#field(ensemble) },
      weights: {
        full: full.slice(), other, behind: branched.parameters.slice(),
        logSteps: branched.rounds ? branched.logSteps.slice() : null,
      },
      surfaces: this.surfaces.work(step, full, other),
      settled: this.surfaces.shownAt === step,
    };
  }

  /** @param {Float64Array} full  @param {Float64Array} other */
  #flatness(full, other) {
    const flat = this.onSource.flatness(full);
    return { full: flat, other: other === full ? flat : this.onSource.flatness(other) };
  }

  /** The network that `run` would keep. */
  #kept(/** @type {Run} */ run) {
    return this.settings.averaged ? run.averaged() : run.stored().slice();
  }

  /** The network that it is compared with, once they have parted. */
  #other(/** @type {{ full: Run, other: Run }} */ member) {
    const { arm, bits } = this.settings, kept = this.#kept(member.other);
    return arm === "rounded" ? roundedAfter(member.full.shape, kept, bits) : kept;
  }

  /** Accuracies of networks whose probabilities are averaged. @returns {Scores} */
  #scores(/** @type {Float64Array[]} */ networks) {
    const [source, heldOut] = [this.onSource, this.onHeldOut].map((meter) => {
      const sides = together(networks.map((one) => meter.margins(one).slice()));
      return sides.reduce((sum, side) => sum + (side > 0 ? 1 : 0), 0) / sides.length;
    });
    return { source, heldOut };
  }

  #field(/** @type {Float64Array[]} */ networks) {
    return Float32Array.from(together(
      networks.map((one) => this.runner.forward(one, this.field, this.ones, FIELD * FIELD).slice()),
    ));
  }
}

/** One network's margins; of several, the mean probability less a half. @param {Float64Array[]} margins */
function together(margins) {
  if (margins.length === 1) return margins[0];
  return margins[0].map((_, n) =>
    margins.reduce((sum, one) => sum + 1 / (1 + Math.exp(-one[n])), 0) / margins.length - 0.5);
}

/** How far from 0 the figures must reach to hold all points. @param {import("./domains.js").Domains} data */
export function reachOf(data) {
  let reach = 1;
  for (const { inputs, labels, dimensions } of data.parts) {
    for (let n = 0; n < labels.length; n++) {
      reach = Math.max(reach, Math.abs(inputs[n * dimensions]), Math.abs(inputs[n * dimensions + 1]));
    }
  }
  return reach * 1.08;
}
