/** How flat a valley is: what random moves of the weights do to the loss and to the accuracy. */

import { MOVES, SURFACE, stream } from "./draws.js";
import { Runner, softplus } from "./network.js";

/** @typedef {import("./network.js").Shape} Shape */
/** @typedef {import("./domains.js").Points} Points */
/**
 * @typedef {object} Flatness means over the moves
 * @property {number} rise of the loss
 * @property {number} fittedRise the same with logits scaled so that the loss before the move is least
 * @property {number} lost accuracy that the move costs, a fraction
 */

const DIRECTIONS = 20, LENGTH = 0.3; // random moves; how long, of each neuron's norm

/** Measures networks of one shape on one set of points, by moves that a seed decides. */
export class Meter {
  /** @param {number} seed  @param {Shape} shape  @param {Points} points */
  constructor(seed, shape, points) {
    this.shape = shape;
    this.points = points;
    this.count = points.labels.length;
    this.runner = new Runner(shape, this.count);
    this.moves = Array.from({ length: DIRECTIONS }, (_, place) => direction(seed, MOVES, shape, place));
  }

  /** @param {Float64Array} parameters */
  margins(parameters) {
    return this.runner.forward(parameters, this.points.inputs, this.points.labels, this.count);
  }

  /** The share of points on the right side. */
  accuracy(/** @type {Float64Array} */ parameters) {
    return share(this.margins(parameters), this.count);
  }

  /** @returns {Flatness} */
  flatness(/** @type {Float64Array} */ parameters) {
    const before = this.margins(parameters).slice(), factor = fittedFactor(before);
    const loss = meanLoss(before, 1), fitted = meanLoss(before, factor), right = share(before, this.count);
    const sum = { rise: 0, fittedRise: 0, lost: 0 };
    for (const move of this.moves) {
      const after = this.margins(moved(this.shape, parameters, move, LENGTH));
      sum.rise += (meanLoss(after, 1) - loss) / DIRECTIONS;
      sum.fittedRise += (meanLoss(after, factor) - fitted) / DIRECTIONS;
      sum.lost += (right - share(after, this.count)) / DIRECTIONS;
    }
    return sum;
  }

  /** The mean loss of the points. */
  loss(/** @type {Float64Array} */ parameters) {
    return meanLoss(this.margins(parameters), 1);
  }
}

/** Two directions for a surface, which a seed decides for good: so that a surface does not jump. */
export function surfaceDirections(/** @type {number} */ seed, /** @type {Shape} */ shape) {
  return [direction(seed, SURFACE, shape, 0), direction(seed, SURFACE, shape, 1)];
}

/**
 * `parameters` moved: every neuron's weights by `length` times their norm along `move`.
 * @param {Shape} shape  @param {Float64Array} parameters  @param {Float64Array} move  @param {number} length
 */
export function moved(shape, parameters, move, length) {
  const to = parameters.slice();
  for (const { inputs, outputs, weights } of shape.layers) {
    for (let o = 0; o < outputs; o++) {
      const start = weights + o * inputs;
      let square = 0;
      for (let i = start; i < start + inputs; i++) square += parameters[i] ** 2;
      const far = length * Math.sqrt(square);
      for (let i = start; i < start + inputs; i++) to[i] += far * move[i];
    }
  }
  return to;
}

/** Random, of length 1 for every neuron; biases stay. */
function direction(/** @type {number} */ seed, /** @type {number} */ which, /** @type {Shape} */ shape, /** @type {number} */ number) {
  const { normal } = stream(seed, which), move = new Float64Array(shape.count);
  let place = number * shape.weightCount;
  for (const { inputs, outputs, weights } of shape.layers) {
    for (let o = 0; o < outputs; o++) {
      const start = weights + o * inputs;
      let square = 0;
      for (let i = start; i < start + inputs; i++) square += (move[i] = normal(place++)) ** 2;
      for (let i = start; i < start + inputs; i++) move[i] /= Math.sqrt(square);
    }
  }
  return move;
}

/** What to multiply margins with so that their loss is least: one over a temperature. */
function fittedFactor(/** @type {Float64Array} */ margins) {
  let low = -4, high = 4; // logarithms
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2, factor = Math.exp(middle);
    let slope = 0;
    for (const margin of margins) slope -= margin / (1 + Math.exp(factor * margin));
    if (slope < 0) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}

/** @param {Float64Array} margins  @param {number} factor */
function meanLoss(margins, factor) {
  let sum = 0;
  for (const margin of margins) sum += softplus(-factor * margin);
  return sum / margins.length;
}

/** @param {Float64Array} margins  @param {number} count */
function share(margins, count) {
  let right = 0;
  for (let n = 0; n < count; n++) if (margins[n] > 0) right += 1;
  return right / count;
}
