// Two networks' weights, layer by layer: how far apart they are, and how much of that is rounding.

import { codesOf } from "./rounding.js";
import { count, openTensors, storedCodes, storedSteps, storedWeights } from "./weights.js";

/** @typedef {import("./manifest.js").Config} Config */
/** @typedef {import("./manifest.js").Graph} Graph */
/**
 * A layer's weights, batch norm folded; where it is rounded to evenly spaced levels, its codes and step sizes.
 * @typedef {{
 *   shape: number[], values: Float32Array, grid: {codes: Int8Array, steps: Float32Array, bits: number} | null
 * }} LayerWeights
 * @typedef {[number | null, number | null]} Pair of the first and the second
 */
/**
 * `distance`: norm of the difference over the first's norm. `rounding`: what rounding the other network to the
 * levels of the quantized one (the second where both are) moves it by, over its norm; `changed`: its weights that
 * take another code than is there. null: undefined, or both in full precision.
 * @typedef {{
 *   name: string, kind: string, shape: number[], weights: number, norms: [number, number], distance: number | null, cosine: number | null,
 *   used: Pair, possible: Pair, steps: Pair, rounding: number | null, changed: number | null
 * }} LayerDistance
 * @typedef {{
 *   distance: number | null, cosine: number | null, rounding: number | null, changed: number, quantized: number
 * }} Whole all layers as one vector
 * @typedef {{layers: LayerDistance[], whole: Whole}} Compared
 */

/**
 * The weights that can be quantized, in the network's order.
 * @param {Uint8Array} bytes model.safetensors
 * @param {Config} config
 * @param {Graph} graph
 * @param {string} name of the file, for a sentence
 * @returns {Map<string, LayerWeights>}
 */
export function layersOf(bytes, config, graph, name) {
  const { weights } = storedWeights(bytes, config, graph, name), tensors = openTensors(bytes, name);
  return new Map(graph.facts.quantizable.map((layer) => {
    const place = /** @type {import("./manifest.js").Weight} */ (graph.weights.find((one) => one.name === layer));
    const values = weights.slice(place.start, place.start + count(place.shape));
    const even = tensors.has(`${layer}.codes`) && config.quantizer !== "inq";
    const grid = even ? {
      codes: storedCodes(tensors, layer, config, place.shape), steps: storedSteps(tensors, layer, place.shape), bits: config.bits,
    } : null;
    return [layer, { shape: place.shape, values, grid }];
  }));
}

/**
 * @param {Map<string, LayerWeights>} first
 * @param {Map<string, LayerWeights>} second of the same architecture
 * @returns {Compared}
 */
export function compared(first, second) {
  const layers = [...first].map(([name, one]) => distanceOf(name, one, /** @type {LayerWeights} */ (second.get(name))));
  return { layers, whole: wholeOf(layers) };
}

/** @param {string} name @param {LayerWeights} first @param {LayerWeights} second @returns {LayerDistance} */
export function distanceOf(name, first, second) {
  const { distance, norms, cosine } = apart(first.values, second.values), grids = [first.grid, second.grid];
  const of = (/** @type {(grid: NonNullable<LayerWeights["grid"]>) => number} */ measure) => (
    /** @type {Pair} */ (grids.map((one) => (one ? measure(one) : null)))
  );
  return {
    name, kind: kindOf(name, first.shape), shape: first.shape, weights: first.values.length, norms, distance, cosine,
    used: of(({ codes }) => new Set(codes).size), possible: of(({ bits }) => 2 ** bits),
    steps: of(({ steps }) => median(steps.map(Math.abs))), ...roundedOnto(first, second),
  };
}

/** @param {LayerWeights} first @param {LayerWeights} second */
function roundedOnto(first, second) {
  const [other, { grid }] = second.grid ? [first, second] : [second, first];
  if (!grid) return { rounding: null, changed: null };
  const steps = grid.steps.map((one) => one || 1), codes = codesOf(other.values, steps, grid.bits);
  const each = codes.length / steps.length;
  const levels = Float32Array.from(codes, (code, i) => code * grid.steps[Math.floor(i / each)]);
  const changed = codes.reduce((sum, code, i) => sum + Number(code !== grid.codes[i]), 0);
  return { rounding: apart(other.values, levels).distance, changed };
}

/** A layer in words. @param {string} name @param {number[]} shape @returns {string} */
function kindOf(name, shape) {
  if (shape.length < 3) return name.endsWith("in_proj_weight") ? "attention, inputs" : "linear layer";
  return `${shape[1] === 1 ? "depthwise " : ""}${shape.slice(2).join("×")} convolution`;
}

/** @param {Float32Array} first @param {Float32Array} second */
export function apart(first, second) {
  let one = 0, other = 0, along = 0, between = 0;
  first.forEach((value, i) => {
    one += value * value;
    other += second[i] * second[i];
    along += value * second[i];
    between += (value - second[i]) ** 2;
  });
  const norms = /** @type {[number, number]} */ ([Math.sqrt(one), Math.sqrt(other)]);
  return { norms, distance: ratio(Math.sqrt(between), norms[0]), cosine: ratio(along, norms[0] * norms[1]) };
}

/** @param {LayerDistance[]} layers @returns {Whole} */
function wholeOf(layers) {
  const sum = (/** @type {LayerDistance[]} */ of, /** @type {(one: LayerDistance) => number} */ part) => of.reduce((total, one) => total + part(one), 0);
  const squares = [0, 1].map((side) => sum(layers, ({ norms }) => norms[side] ** 2));
  const rounded = layers.filter((one) => one.changed !== null), side = rounded.some((one) => one.used[1] !== null) ? 0 : 1;
  return {
    distance: ratio(Math.sqrt(sum(layers, (one) => ((one.distance ?? 0) * one.norms[0]) ** 2)), Math.sqrt(squares[0])),
    cosine: ratio(sum(layers, (one) => (one.cosine ?? 0) * one.norms[0] * one.norms[1]), Math.sqrt(squares[0] * squares[1])),
    rounding: ratio(
      Math.sqrt(sum(rounded, (one) => ((one.rounding ?? 0) * one.norms[side]) ** 2)), Math.sqrt(sum(rounded, ({ norms }) => norms[side] ** 2)),
    ),
    changed: sum(rounded, (one) => one.changed ?? 0),
    quantized: sum(rounded, (one) => one.weights),
  };
}

/** @param {number} part @param {number} whole @returns {number | null} */
function ratio(part, whole) {
  return whole ? part / whole : null;
}

/** @param {Float32Array} values @returns {number} */
function median(values) {
  const sorted = values.slice().sort(), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
