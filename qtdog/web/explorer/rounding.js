// A network in full precision, rounded after training, as the package's Quantize tab does it.

import { roundedToHalf } from "./tensors.js";
import { foldedBias, foldingFactors, count } from "./weights.js";

/** @typedef {import("./manifest.js").Graph} Graph */
/** @typedef {"start" | "least error"} Rule LSQ's first step size, or the one with the least squared error */

const SMALLEST_STEP = 1e-8, DEAD_SHARE = 1e-3;
const LARGEST_HALF = 65504;
const MAGIC = 1.5 * 2 ** 23;  // added and taken away, it leaves a float32 rounded to even
const f = Math.fround;

/** Tried for the least squared error: shares of the step size at which nothing is clipped. */
const SHARES = Float32Array.from({ length: 37 }, (_, i) => (
  i < 18 ? f(f(0.1) + f(f(0.9 / 36) * i)) : f(1 - f(f(0.9 / 36) * (36 - i)))
));

/**
 * The weights of the whole network but its classifier at some bits, at their places, batch norm folded.
 * @param {Map<string, Float32Array>} plain weights by name
 * @param {Graph} graph
 * @param {number} bits
 * @param {Rule} rule
 * @returns {Float32Array}
 */
export function roundedWeights(plain, graph, bits, rule) {
  const placed = new Float32Array(graph.numbers);
  const folds = new Map(graph.facts.folds.map((one) => [one.convolution, one]));
  const quantizable = new Set(graph.facts.quantizable);
  for (const { name, shape, start } of graph.weights) {
    const layer = name.slice(0, name.lastIndexOf(".")), fold = folds.get(layer);
    const factors = fold ? foldingFactors(plain, fold) : null;
    if (fold && name.endsWith(".bias")) {
      const bias = foldedBias(plain, fold, /** @type {Float32Array} */ (factors));
      const half = bias.every((one) => Math.abs(one) < LARGEST_HALF);
      placed.set(half ? bias.map(roundedToHalf) : bias, start);
      continue;
    }
    const weight = /** @type {Float32Array} */ (plain.get(name));
    if (!quantizable.has(name) || layer === graph.facts.classifier) {
      placed.set(weight, start);
      continue;
    }
    const steps = stepSizes(weight, shape[0], bits, rule);
    const codes = codesOf(weight, steps, bits), each = count(shape) / shape[0];
    for (let i = 0; i < codes.length; i += 1) {
      const channel = Math.floor(i / each);
      placed[start + i] = codes[i] * f(steps[channel] * (factors ? factors[channel] : 1));
    }
  }
  return placed;
}

/**
 * One step size a channel.
 * @param {Float32Array} weight
 * @param {number} channels
 * @param {number} bits
 * @param {Rule} rule
 * @returns {Float32Array}
 */
export function stepSizes(weight, channels, bits, rule) {
  const largest = 2 ** (bits - 1) - 1, each = weight.length / channels;
  const start = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel += 1) {
    let sum = 0;
    for (let i = channel * each; i < (channel + 1) * each; i += 1) sum += Math.abs(weight[i]);
    start[channel] = f(2 * f(sum / each)) / f(Math.sqrt(largest));
  }
  revive(start);
  return rule === "start" ? start : leastError(weight, start, largest);
}

/** @param {Float32Array} steps dead channels get a small share of the others' median */
function revive(steps) {
  const alive = steps.filter((one) => one > SMALLEST_STEP).sort();
  const median = alive.length ? alive[Math.floor((alive.length - 1) / 2)] : 0;
  const floor = Math.max(alive.length ? f(f(DEAD_SHARE) * median) : 1e-3, SMALLEST_STEP);
  steps.forEach((one, i) => { if (one < floor) steps[i] = floor; });
}

/** @param {Float32Array} weight @param {Float32Array} start @param {number} largest */
function leastError(weight, start, largest) {
  const best = start.slice(), each = weight.length / start.length, smallest = -largest - 1;
  start.forEach((first, channel) => {
    const row = weight.subarray(channel * each, (channel + 1) * each);
    const whole = f(row.reduce((most, one) => Math.max(most, Math.abs(one)), 0) / largest);
    if (!(whole > f(first * f(1e-3)))) return;
    let least = Infinity;
    for (const share of SHARES) {
      const step = f(share * whole);
      let error = 0;
      for (let i = 0; i < row.length; i += 1) {
        const scaled = f(row[i] / step);
        const code = scaled > largest ? largest : scaled < smallest ? smallest : f(f(scaled + MAGIC) - MAGIC);
        const apart = f(f(code * step) - row[i]);
        error += apart * apart;
      }
      if (error < least) {
        least = error;
        best[channel] = step;
      }
    }
  });
  return best;
}

/**
 * The codes of the nearest levels, ties to even.
 * @param {Float32Array} weight
 * @param {Float32Array} steps
 * @param {number} bits
 * @returns {Int8Array}
 */
export function codesOf(weight, steps, bits) {
  const largest = 2 ** (bits - 1) - 1, smallest = -largest - 1, each = weight.length / steps.length;
  return Int8Array.from(weight, (one, i) => {
    const scaled = f(one / steps[Math.floor(i / each)]);
    return scaled > largest ? largest : scaled < smallest ? smallest : f(f(scaled + MAGIC) - MAGIC);
  });
}

/**
 * Mean stored bits a weight when all but the classifier are rounded.
 * @param {Graph} graph
 * @param {number} bits
 * @returns {number}
 */
export function bitsOf(graph, bits) {
  const counts = new Map(graph.weights.map((one) => [one.name, count(one.shape)]));
  let sum = 0, total = 0;
  for (const name of graph.facts.quantizable) {
    const numbers = counts.get(name) ?? 0, kept = name.startsWith(`${graph.facts.classifier}.`);
    sum += numbers * (kept ? 32 : bits);
    total += numbers;
  }
  return sum / total;
}
