// One layer of two networks in detail: histograms over the same bins, weight against weight, channels.

import { apart, distanceOf } from "./compare.js";

/** @typedef {import("./compare.js").LayerWeights} LayerWeights */
/** @typedef {import("./compare.js").LayerDistance} LayerDistance */
/** @typedef {{channel: number, norms: [number, number], distance: number | null, cosine: number | null}} Channel */
/** @typedef {{first: number, second: number, count: number}} Cell weights that are about there in both networks */
/**
 * In the unit that the levels share: step sizes where channels have their own (`byChannel`), else weights.
 * `counts`: of both over `edges`, which end about where the scatter does. `channels`: those that differ most, from 1.
 * The scatter goes from -`reach` to `reach`, in cells or, of few weights, in `single` ones; `outside` lie beyond.
 * @typedef {{
 *   layer: LayerDistance, byChannel: boolean, grid: number[], edges: number[], counts: [number[], number[]],
 *   channels: Channel[], reach: number, cells: Cell[], single: boolean, outside: number
 * }} LayerPair
 */

export const CELLS = 48;
const MOST_POINTS = 1500, SHOWN_SHARE = 0.999, MOST_CHANNELS = 8, BINS = 96;
const FINER = /** @type {[number, number][]} */ ([[5, 12], [3, 40], [1, Infinity]]);  // bins a level, up to so many levels

/** @param {string} name @param {LayerWeights} first @param {LayerWeights} second @returns {LayerPair} */
export function layerPair(name, first, second) {
  const shared = second.grid ?? first.grid, byChannel = (shared?.steps.length ?? 1) > 1;
  const values = [first, second].map((one) => inSteps(one.values, byChannel ? shared?.steps : undefined));
  const grid = shared ? levelsOf(shared.bits, byChannel ? 1 : shared.steps[0]) : [];
  const scatter = scattered(values[0], values[1]), edges = edgesOf(values, grid, scatter.reach);
  const [one, other] = values.map((each) => countsIn(each, edges));
  return {
    layer: distanceOf(name, first, second), byChannel, grid, edges, counts: [one, other],
    channels: farthestChannels(first, second), ...scatter,
  };
}

/** Divided by the step size of its channel, if it has one. @param {Float32Array} values @param {Float32Array} [steps] */
function inSteps(values, steps) {
  if (!steps) return Float64Array.from(values);
  const each = values.length / steps.length;
  return Float64Array.from(values, (value, i) => value / (steps[Math.floor(i / each)] || 1));
}

/** @param {number} bits @param {number} step @returns {number[]} every level, from the smallest */
function levelsOf(bits, step) {
  const half = 2 ** (bits - 1);
  return Array.from({ length: 2 * half }, (_, i) => (i - half) * step).sort((one, other) => one - other);
}

/**
 * Bins that have the levels in the middle of every, every third or every fifth of them; without levels, equal ones.
 * They begin and end within `reach` of 0.
 * @param {Float64Array[]} values
 * @param {number[]} levels
 * @param {number} reach
 * @returns {number[]}
 */
function edgesOf(values, levels, reach) {
  const lowest = Math.min(...values.map((one) => one.reduce((least, value) => Math.min(least, value), Infinity)));
  const highest = Math.max(...values.map((one) => one.reduce((most, value) => Math.max(most, value), -Infinity)));
  const low = Math.max(lowest, -reach), high = Math.min(highest, reach);
  if (levels.length < 2) {
    const end = high > low ? high : low + 1;
    return Array.from({ length: BINS + 1 }, (_, i) => (i === BINS ? end : low + (i * (end - low)) / BINS));
  }
  const gap = Math.abs(levels[1] - levels[0]), first = Math.floor(low / gap), last = Math.ceil(high / gap);
  const [finer] = FINER.find(([, most]) => last - first <= most) ?? [1];
  return Array.from({ length: (last - first + 1) * finer + 1 }, (_, i) => (i / finer + first - 0.5) * gap);
}

/** How many lie in each bin; those outside in none. @param {Float64Array} values @param {number[]} edges @returns {number[]} */
function countsIn(values, edges) {
  const counts = /** @type {number[]} */ (new Array(edges.length - 1).fill(0));
  for (const value of values) {
    const place = placeIn(value, edges);
    if (place >= 0) counts[place] += 1;
  }
  return counts;
}

/** Few weights one by one, many counted in cells; a thousandth of many lies outside. @param {Float64Array} first @param {Float64Array} second */
function scattered(first, second) {
  const farther = first.map((value, i) => Math.max(Math.abs(value), Math.abs(second[i]))).sort();
  if (first.length <= MOST_POINTS) {
    const cells = Array.from(first, (value, i) => ({ first: value, second: second[i], count: 1 }));
    return { reach: farther[farther.length - 1] || 1, cells, single: true, outside: 0 };
  }
  const reach = quantile(farther, SHOWN_SHARE) || 1, side = (2 * reach) / CELLS;
  const edges = Array.from({ length: CELLS + 1 }, (_, i) => (i === CELLS ? reach : i * side - reach));
  const counts = new Uint32Array(CELLS * CELLS);
  let inside = 0;
  first.forEach((value, i) => {
    const x = placeIn(value, edges), y = placeIn(second[i], edges);
    if (x < 0 || y < 0) return;
    counts[x * CELLS + y] += 1;
    inside += 1;
  });
  const middle = (/** @type {number} */ place) => (edges[place] + edges[place + 1]) / 2;
  const cells = /** @type {Cell[]} */ ([]);
  counts.forEach((count, i) => {
    if (count) cells.push({ first: middle(Math.floor(i / CELLS)), second: middle(i % CELLS), count });
  });
  return { reach, cells, single: false, outside: first.length - inside };
}

/** The bin of a value, the last with both its ends; -1 outside. @param {number} value @param {number[]} edges of equal bins */
function placeIn(value, edges) {
  const last = edges.length - 2, low = edges[0], high = edges[last + 1];
  if (value < low || value > high) return -1;
  const place = Math.min(last, Math.floor(((value - low) / (high - low)) * (last + 1)));
  if (value < edges[place]) return place - 1;
  return place < last && value >= edges[place + 1] ? place + 1 : place;
}

/** Between neighbours by distance, as numpy's. @param {Float64Array} sorted @param {number} share */
function quantile(sorted, share) {
  const at = share * (sorted.length - 1), low = Math.floor(at), high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

/** @param {LayerWeights} first @param {LayerWeights} second @returns {Channel[]} */
function farthestChannels(first, second) {
  const [channels] = first.shape, each = first.values.length / channels;
  const found = Array.from({ length: channels }, (_, i) => {
    const [one, other] = [first, second].map(({ values }) => values.subarray(i * each, (i + 1) * each));
    return { channel: i + 1, ...apart(one, other) };
  });
  return found.sort((one, other) => (other.distance ?? 0) - (one.distance ?? 0)).slice(0, MOST_CHANNELS);
}
