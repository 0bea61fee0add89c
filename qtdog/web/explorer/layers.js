// One layer's weights, rounded: where they lie on the grid, and what rounding does to them.

import { codesOf, stepSizes } from "./rounding.js";

/** @typedef {import("./rounding.js").Rule} Rule */
/**
 * @typedef {{
 *   bits: number, total: number, byChannel: boolean, edges: number[], counts: number[], grid: number[],
 *   used: number, clipped: number, relativeError: number
 * }} LayerRounding `edges` and `grid` in step sizes of each weight's channel, or in weights where there is one alone
 */

const BINS = 96;

/**
 * @param {Float32Array} weight
 * @param {number} channels
 * @param {number} bits
 * @param {Rule} rule
 * @returns {LayerRounding}
 */
export function roundedLayer(weight, channels, bits, rule) {
  const steps = stepSizes(weight, channels, bits, rule), codes = codesOf(weight, steps, bits);
  const largest = 2 ** (bits - 1) - 1, smallest = -largest - 1, each = weight.length / channels;
  const scaled = new Float64Array(weight.length);
  let clipped = 0, wrong = 0, size = 0;
  weight.forEach((value, i) => {
    const step = steps[Math.floor(i / each)];
    scaled[i] = value / step;
    if (scaled[i] < smallest || scaled[i] > largest) clipped += 1;
    wrong += ((scaled[i] - codes[i]) * step) ** 2;
    size += value ** 2;
  });
  const byChannel = channels > 1, unit = byChannel ? 1 : steps[0];
  const grid = Array.from({ length: largest - smallest + 1 }, (_, i) => (smallest + i) * unit);
  return {
    bits, total: weight.length, byChannel, grid, clipped, used: new Set(codes).size,
    relativeError: size ? Math.sqrt(wrong / size) : 0,
    ...histogram(byChannel ? scaled : Float64Array.from(weight), BINS),
  };
}

/**
 * Equal bins from the smallest value to the largest, the last with both its ends, as numpy's.
 * @param {Float64Array} values
 * @param {number} bins
 * @param {[number, number]} [interval]
 * @returns {{edges: number[], counts: number[]}}
 */
export function histogram(values, bins, interval) {
  let [low, high] = interval ?? [
    values.reduce((least, one) => Math.min(least, one), Infinity), values.reduce((most, one) => Math.max(most, one), -Infinity),
  ];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const step = (high - low) / bins;
  const edges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? high : low + i * step));
  const counts = new Array(bins).fill(0);
  for (const value of values) {
    let place = Math.min(bins - 1, Math.max(0, Math.floor((value - low) / step)));
    if (value < edges[place]) place -= 1;
    else if (value >= edges[place + 1] && place < bins - 1) place += 1;
    counts[Math.max(0, place)] += 1;
  }
  return { edges, counts };
}
