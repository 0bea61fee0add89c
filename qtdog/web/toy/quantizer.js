/**
 * QT-DoG's rounding: learned step sizes (LSQ, arXiv 1902.08153), one an output neuron, which start
 * where rounding hurts the weights least. The same as the package's `lsq-least-error`.
 *
 * Step sizes are learned as their logarithms and lie in one array, one for every neuron of all layers.
 */

/** @typedef {import("./network.js").Shape} Shape */

const SHARES = 37, LEAST_SHARE = 0.1; // tried for the least error, of the size that clips nothing
const DEAD = 1e-3; // a neuron whose weights are this much smaller than the others' gets a larger start
const EVEN = 6755399441055744; // 1.5 * 2^52: what is added to it is rounded to a whole number, ties to even
const { fround } = Math; // the package looks for the start in single precision

/** Smallest and largest code of so many bits. @returns {[number, number]} */
export function codeRange(/** @type {number} */ bits) {
  return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** round(clip(weight / step)), ties to even. */
export function codeOf(/** @type {number} */ weight, /** @type {number} */ step, /** @type {number} */ least, /** @type {number} */ most) {
  const scaled = weight / step;
  return (scaled < least ? least : scaled > most ? most : scaled) + EVEN - EVEN;
}

/**
 * The logarithms of the step sizes with the least squared rounding error of those tried.
 * @param {Shape} shape  @param {Float64Array} parameters  @param {number} bits
 */
export function startLogSteps(shape, parameters, bits) {
  const logSteps = new Float64Array(shape.neurons);
  for (const { inputs, outputs, weights, neurons } of shape.layers) {
    const rows = Array.from({ length: outputs }, (_, o) =>
      parameters.subarray(weights + o * inputs, weights + (o + 1) * inputs).map(fround));
    const usual = revived(rows.map((row) => usualStep(row, bits)));
    rows.forEach((row, o) => {
      logSteps[neurons + o] = Math.log(leastErrorStep(row, usual[o], bits));
    });
  }
  return logSteps;
}

/** LSQ's own start, 2 mean|w| / sqrt(largest code). */
function usualStep(/** @type {Float64Array} */ row, /** @type {number} */ bits) {
  const mean = row.reduce((sum, one) => sum + Math.abs(one), 0) / row.length;
  return (2 * mean) / Math.sqrt(codeRange(bits)[1]);
}

/** Positive also where a neuron's weights are all 0. */
function revived(/** @type {number[]} */ steps) {
  const alive = steps.filter((one) => one > 1e-8).sort((a, b) => a - b);
  const floor = Math.max(alive.length ? DEAD * alive[(alive.length - 1) >> 1] : 1e-3, 1e-8);
  return steps.map((one) => Math.max(one, floor));
}

function leastErrorStep(/** @type {Float64Array} */ row, /** @type {number} */ usual, /** @type {number} */ bits) {
  const [least, most] = codeRange(bits);
  const unclipped = fround(row.reduce((max, one) => Math.max(max, Math.abs(one)), 0) / most);
  if (unclipped <= usual * 1e-3) return usual;
  let best = usual, lowest = Infinity;
  for (let i = 0; i < SHARES; i++) {
    const share = fround(LEAST_SHARE + ((1 - LEAST_SHARE) * i) / (SHARES - 1));
    const step = fround(share * unclipped);
    let error = 0;
    for (const one of row) error += (fround(codeOf(fround(one / step), 1, least, most) * step) - one) ** 2;
    if (error < lowest) [best, lowest] = [step, error];
  }
  return best;
}

/**
 * The rounded weights, and the biases as they are, into `rounded`.
 * @param {Shape} shape  @param {Float64Array} parameters  @param {Float64Array} logSteps
 * @param {number} bits  @param {Float64Array} rounded
 */
export function round(shape, parameters, logSteps, bits, rounded) {
  const [least, most] = codeRange(bits);
  rounded.set(parameters);
  for (const { inputs, outputs, weights, neurons } of shape.layers) {
    for (let o = 0; o < outputs; o++) {
      const step = Math.exp(logSteps[neurons + o]), end = weights + (o + 1) * inputs;
      for (let i = weights + o * inputs; i < end; i++) {
        rounded[i] = codeOf(parameters[i], step, least, most) * step;
      }
    }
  }
  return rounded;
}

/**
 * LSQ's gradients (its Eq. 3 and 5): `gradient`, that by the rounded weights, becomes that by the
 * weights behind them; `stepGradient` becomes that by the logarithms of the step sizes.
 * @param {Shape} shape  @param {Float64Array} parameters  @param {Float64Array} logSteps
 * @param {number} bits  @param {Float64Array} gradient  @param {Float64Array} stepGradient
 */
export function passThrough(shape, parameters, logSteps, bits, gradient, stepGradient) {
  const [least, most] = codeRange(bits);
  for (const { inputs, outputs, weights, neurons } of shape.layers) {
    const scale = 1 / Math.sqrt(inputs * most);
    for (let o = 0; o < outputs; o++) {
      const step = Math.exp(logSteps[neurons + o]), end = weights + (o + 1) * inputs;
      let sum = 0;
      for (let i = weights + o * inputs; i < end; i++) {
        const scaled = parameters[i] / step, inside = scaled >= least && scaled <= most;
        sum += (codeOf(parameters[i], step, least, most) - (inside ? scaled : 0)) * step * gradient[i];
        if (!inside) gradient[i] = 0;
      }
      stepGradient[neurons + o] = sum * scale;
    }
  }
}
