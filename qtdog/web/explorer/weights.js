// A checkpoint's tensors as the float32 weights that its graph takes, batch norm folded.

import { SetError } from "./download.js";
import { floatsOf, tensorsOf } from "./tensors.js";
import { codeRange, decode, packedSize, unpack } from "./unpack.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./manifest.js").Config} Config */
/** @typedef {import("./manifest.js").Graph} Graph */
/** @typedef {import("./manifest.js").Weight} Weight */

const CODES = ".codes", STEP_SIZE = ".step_size";
const FULL_PRECISION = 32;
const NORM = ["weight", "bias", "running_mean", "running_var"];

/**
 * The weights, each at its place, and the mean stored bits of those that can be quantized.
 * @param {Uint8Array} bytes model.safetensors
 * @param {Config} config
 * @param {Graph} graph
 * @param {string} name of the file, for a sentence
 * @returns {{weights: Float32Array, bitsPerWeight: number}}
 * @throws {SetError}
 */
export function storedWeights(bytes, config, graph, name) {
  const tensors = openTensors(bytes, name);
  try {
    const weights = config.bits === FULL_PRECISION
      ? folded(plainWeights(tensors, graph), graph)
      : quantizedWeights(tensors, config, graph);
    return { weights, bitsPerWeight: bitsPerWeight(tensors, config, graph) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SetError(`${name} does not hold what its config says: ${error.message}.`);
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {string} name
 * @returns {Map<string, Tensor>}
 */
export function openTensors(bytes, name) {
  try {
    return tensorsOf(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SetError(`${name} is not a safetensors file: ${error.message}.`);
  }
}

/**
 * The state dict of a network in full precision, as numbers by name; counters are left out.
 * @param {Map<string, Tensor>} tensors
 * @param {Graph} graph
 * @returns {Map<string, Float32Array>}
 */
export function plainWeights(tensors, graph) {
  const shapes = new Map(graph.weights.map((one) => [one.name, one.shape]));
  for (const { convolution, norm } of graph.facts.folds) {
    const channels = /** @type {number[]} */ (shapes.get(`${convolution}.weight`)).slice(0, 1);
    if (!tensors.has(`${convolution}.bias`)) shapes.delete(`${convolution}.bias`);
    for (const part of NORM) shapes.set(`${norm}.${part}`, channels);
  }
  const counters = new Set(graph.facts.unused);
  checkNames(tensors, [...shapes.keys(), ...counters], graph);
  const found = new Map();
  for (const [name, tensor] of tensors) {
    if (counters.has(name)) {
      if (tensor.dtype !== "I64") throw new RangeError(`'${name}' is ${tensor.dtype} instead of I64`);
    } else {
      found.set(name, checkedFloats(name, tensor, shapes.get(name) ?? []));
    }
  }
  return found;
}

/**
 * Weights with batch norm folded into the convolutions before, at their places.
 * @param {Map<string, Float32Array>} plain
 * @param {Graph} graph
 * @returns {Float32Array}
 */
export function folded(plain, graph) {
  const placed = new Float32Array(graph.numbers);
  const places = new Map(graph.weights.map((one) => [one.name, one]));
  for (const [name, values] of plain) {
    const place = places.get(name);
    if (place) placed.set(values, place.start);
  }
  for (const fold of graph.facts.folds) {
    const factors = foldingFactors(plain, fold);
    scaleChannels(placed, /** @type {Weight} */ (places.get(`${fold.convolution}.weight`)), factors);
    const bias = /** @type {Weight} */ (places.get(`${fold.convolution}.bias`));
    placed.set(foldedBias(plain, fold, factors), bias.start);
  }
  return placed;
}

/**
 * What folding multiplies each channel of a convolution's weight with.
 * @param {Map<string, Float32Array>} plain
 * @param {{norm: string, epsilon: number}} fold
 * @returns {Float32Array}
 */
export function foldingFactors(plain, { norm, epsilon }) {
  const scale = /** @type {Float32Array} */ (plain.get(`${norm}.weight`));
  const variance = /** @type {Float32Array} */ (plain.get(`${norm}.running_var`));
  const small = Math.fround(epsilon);
  return scale.map((one, i) => one / Math.fround(Math.sqrt(Math.fround(variance[i] + small))));
}

/**
 * @param {Map<string, Float32Array>} plain
 * @param {{convolution: string, norm: string}} fold
 * @param {Float32Array} factors
 * @returns {Float32Array}
 */
export function foldedBias(plain, { convolution, norm }, factors) {
  const shift = /** @type {Float32Array} */ (plain.get(`${norm}.bias`));
  const mean = /** @type {Float32Array} */ (plain.get(`${norm}.running_mean`));
  const before = plain.get(`${convolution}.bias`);
  return shift.map((one, i) => (
    one + Math.fround(Math.fround((before ? before[i] : 0) - mean[i]) * factors[i])
  ));
}

/** @param {Float32Array} placed @param {Weight} place @param {Float32Array} factors */
function scaleChannels(placed, { start, shape }, factors) {
  const each = count(shape) / factors.length;
  factors.forEach((factor, channel) => {
    for (let i = start + channel * each; i < start + (channel + 1) * each; i += 1) placed[i] *= factor;
  });
}

/**
 * @param {Map<string, Tensor>} tensors
 * @param {Config} config
 * @param {Graph} graph
 * @returns {Float32Array}
 */
function quantizedWeights(tensors, config, graph) {
  const placed = new Float32Array(graph.numbers);
  const places = new Map(graph.weights.map((one) => [one.name, one]));
  const rest = new Map(tensors);
  for (const name of tensors.keys()) {
    if (!name.endsWith(CODES)) continue;
    const weight = name.slice(0, -CODES.length), place = places.get(weight);
    if (!place) throw new RangeError(`${graph.facts.architecture} has no weight '${weight}'`);
    const codes = storedCodes(tensors, weight, config, place.shape);
    const steps = storedSteps(tensors, weight, place.shape);
    decode(codes, steps, place.shape[0], config.quantizer ?? "lsq", placed, place.start);
    rest.delete(name);
    rest.delete(weight + STEP_SIZE);
    places.delete(weight);
  }
  checkNames(rest, [...places.keys()], graph);
  for (const [name, place] of places) {
    const tensor = /** @type {Tensor} */ (rest.get(name));
    placed.set(checkedFloats(name, tensor, place.shape, name.endsWith(".bias")), place.start);
  }
  return placed;
}

/**
 * The codes of a weight, as the file holds them.
 * @param {Map<string, Tensor>} tensors
 * @param {string} weight
 * @param {Config} config
 * @param {number[]} shape
 * @returns {Int8Array}
 */
export function storedCodes(tensors, weight, config, shape) {
  const packed = /** @type {Tensor} */ (tensors.get(weight + CODES)), bits = config.bits;
  const numbers = count(shape);
  if (packed.dtype !== "U8" || packed.shape.length !== 1 || packed.shape[0] !== packedSize(numbers, bits)) {
    throw new RangeError(`'${weight}' is not ${numbers} packed codes of ${bits} bits`);
  }
  const codes = unpack(packed.bytes, bits, numbers);
  const [smallest, largest] = codeRange(config.quantizer, bits);
  if (config.quantizer === "inq" && codes.some((code) => code < smallest || code > largest)) {
    throw new RangeError(
      `'${weight}' has codes outside ${smallest}..${largest}, which stand for nothing`,
    );
  }
  return codes;
}

/** @param {Map<string, Tensor>} tensors @param {string} weight @param {number[]} shape */
export function storedSteps(tensors, weight, shape) {
  const tensor = tensors.get(weight + STEP_SIZE);
  if (tensor?.dtype !== "F32") throw new RangeError(`'${weight}' lacks its float32 step sizes`);
  const steps = floatsOf(tensor);
  if (!steps.every(Number.isFinite)) {
    throw new RangeError(`'${weight}' has step sizes that are not finite`);
  }
  if (tensor.shape.length !== 1 || (steps.length !== shape[0] && steps.length !== 1)) {
    throw new RangeError(
      `'${weight}' has ${tuple(tensor.shape)} step sizes for shape torch.Size([${shape.join(", ")}])`,
    );
  }
  return steps;
}

/**
 * @param {Map<string, Tensor>} tensors
 * @param {string[]} expected
 * @param {Graph} graph
 */
function checkNames(tensors, expected, graph) {
  const known = new Set(expected);
  const list = (/** @type {string[]} */ names) => `[${names.sort().slice(0, 2).map((n) => `'${n}'`).join(", ")}]`;
  const missing = expected.filter((name) => !tensors.has(name));
  const unknown = [...tensors.keys()].filter((name) => !known.has(name));
  if (missing.length || unknown.length) {
    throw new RangeError(`it lacks ${list(missing)} and has the unknown ${list(unknown)}`);
  }
}

const TYPES = /** @type {Record<string, string>} */ ({
  F16: "torch.float16", F64: "torch.float64", BF16: "torch.bfloat16", U8: "torch.uint8",
  I8: "torch.int8", I16: "torch.int16", I32: "torch.int32", I64: "torch.int64", BOOL: "torch.bool",
});

/**
 * @param {string} name
 * @param {Tensor} tensor
 * @param {number[]} shape
 * @param {boolean} half whether it may be float16
 * @returns {Float32Array}
 */
function checkedFloats(name, tensor, shape, half = false) {
  if (tensor.shape.join() !== shape.join()) {
    throw new RangeError(`'${name}' has the shape ${tuple(tensor.shape)} instead of ${tuple(shape)}`);
  }
  if (tensor.dtype !== "F32" && !(half && tensor.dtype === "F16")) {
    throw new RangeError(
      `'${name}' is ${TYPES[tensor.dtype] ?? tensor.dtype} instead of torch.float32`,
    );
  }
  const values = floatsOf(tensor);
  if (!values.every(Number.isFinite)) {
    throw new RangeError(`'${name}' holds values that are not finite`);
  }
  return values;
}

/**
 * @param {Map<string, Tensor>} tensors
 * @param {Config} config
 * @param {Graph} graph
 * @returns {number}
 */
function bitsPerWeight(tensors, config, graph) {
  const counts = new Map(graph.weights.map((one) => [one.name, count(one.shape)]));
  let bits = 0, total = 0;
  for (const name of graph.facts.quantizable) {
    const numbers = counts.get(name) ?? 0;
    bits += numbers * (tensors.has(name + CODES) ? config.bits : FULL_PRECISION);
    total += numbers;
  }
  return bits / total;
}

/** @param {number[]} shape @returns {number} */
export function count(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

/** @param {number[]} shape @returns {string} as Python writes it */
function tuple(shape) {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}
