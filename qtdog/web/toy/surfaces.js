/** The loss around both networks, computed a few rows at a time so that no frame waits long for it. */

import { surfaceDirections } from "./flatness.js";
import { Runner, softplus } from "./network.js";

/** @typedef {import("./network.js").Shape} Shape */
/** @typedef {{ step: number, full: Float32Array, other: Float32Array }} Pair of GRID x GRID losses each */

export const GRID = 15; // points along a side
export const LENGTH = 0.4; // how far a surface reaches to each side, of each neuron's norm
const MOST_POINTS = 100; // of the source points
const MOST_MS = 3; // a frame: a slow machine renews its surfaces less often, not its frames

export class Surfaces {
  /** @param {number} seed  @param {Shape} shape  @param {import("./domains.js").Points} points */
  constructor(seed, shape, points) {
    this.shape = shape;
    this.directions = surfaceDirections(seed, shape);
    const every = Math.ceil(points.labels.length / MOST_POINTS), { dimensions } = points;
    const rows = Array.from(points.labels.keys()).filter((n) => scattered(n, every));
    this.labels = Uint8Array.from(rows, (n) => points.labels[n]);
    this.inputs = Float64Array.from(rows.flatMap((n) => [...points.inputs.subarray(n * dimensions, (n + 1) * dimensions)]));
    this.runner = new Runner(shape, this.labels.length);
    this.shownAt = -1; // step
    /** @type {{ step: number, row: number, networks: Moves[], losses: Float32Array[] } | null} */
    this.job = null;
  }

  /**
   * Do a part of the work; the surfaces when they are ready. Networks that are one have one.
   * @param {number} step  @param {Float64Array} full  @param {Float64Array} other  @returns {Pair | null}
   */
  work(step, full, other) {
    if (!this.job) {
      if (this.shownAt === step) return null;
      const networks = (full === other ? [full] : [full, other]).map((one) => this.#moves(one));
      this.job = { step, row: 0, networks, losses: networks.map(() => new Float32Array(GRID * GRID)) };
    }
    const { job } = this, rows = GRID * job.networks.length, until = performance.now() + MOST_MS;
    do {
      const which = Math.floor(job.row / GRID);
      this.#row(job.networks[which], job.row % GRID, job.losses[which]);
      job.row += 1;
    } while (job.row < rows && performance.now() < until);
    if (job.row < rows) return null;
    this.job = null;
    this.shownAt = job.step;
    const [first, second = first] = job.losses;
    return { step: job.step, full: first, other: second };
  }

  /** @returns {Moves} */
  #moves(/** @type {Float64Array} */ parameters) {
    const along = this.directions.map((direction) => {
      const move = new Float64Array(parameters.length);
      for (const { inputs, outputs, weights } of this.shape.layers) {
        for (let o = 0; o < outputs; o++) {
          const start = weights + o * inputs, end = start + inputs;
          const norm = Math.hypot(...parameters.subarray(start, end));
          for (let i = start; i < end; i++) move[i] = LENGTH * norm * direction[i];
        }
      }
      return move;
    });
    return { parameters: parameters.slice(), along };
  }

  /** @param {Moves} moves  @param {number} row  @param {Float32Array} losses */
  #row({ parameters, along: [first, second] }, row, losses) {
    const at = parameters.slice(), b = (2 * row) / (GRID - 1) - 1, count = this.labels.length;
    for (let column = 0; column < GRID; column++) {
      const a = (2 * column) / (GRID - 1) - 1;
      for (let i = 0; i < at.length; i++) at[i] = parameters[i] + a * first[i] + b * second[i];
      const margins = this.runner.forward(at, this.inputs, this.labels, count);
      let sum = 0;
      for (let n = 0; n < count; n++) sum += softplus(-margins[n]);
      losses[row * GRID + column] = sum / count;
    }
  }
}

/** @typedef {{ parameters: Float64Array, along: Float64Array[] }} Moves */

/** Every `every`th point, of both classes, which stand in turn. */
function scattered(/** @type {number} */ n, /** @type {number} */ every) {
  return (n >> 1) % every === 0;
}
