/**
 * A small network with ReLU: forwards, and backwards by hand.
 *
 * All its parameters lie in one array, layer after layer: the weights of every output neuron, then
 * the layer's biases. There are two classes; a point's margin is its class's logit minus the other's,
 * and the loss is the cross-entropy, log(1 + exp(-margin)).
 */

import { START, stream } from "./draws.js";

/**
 * @typedef {object} Layer
 * @property {number} inputs  @property {number} outputs
 * @property {number} weights where they begin in the parameters
 * @property {number} biases the same
 * @property {number} neurons where its neurons begin among those of all layers
 */
/** @typedef {{ layers: Layer[], count: number, neurons: number, weightCount: number }} Shape */

/** @param {readonly number[]} sizes of the layers, from the inputs to the two classes */
export function shapeOf(sizes) {
  /** @type {Shape} */
  const shape = { layers: [], count: 0, neurons: 0, weightCount: 0 };
  for (let i = 1; i < sizes.length; i++) {
    const inputs = sizes[i - 1], outputs = sizes[i], weights = shape.count;
    shape.layers.push({ inputs, outputs, weights, biases: weights + inputs * outputs, neurons: shape.neurons });
    shape.count += outputs * (inputs + 1);
    shape.neurons += outputs;
    shape.weightCount += outputs * inputs;
  }
  return shape;
}

/** Before training: uniform numbers up to one over the root of a neuron's inputs, as in torch. */
export function startParameters(/** @type {number} */ seed, /** @type {Shape} */ shape) {
  const { uniform } = stream(seed, START), parameters = new Float64Array(shape.count);
  for (const layer of shape.layers) {
    const end = layer.biases + layer.outputs, root = Math.sqrt(layer.inputs);
    for (let i = layer.weights; i < end; i++) parameters[i] = (2 * uniform(i) - 1) / root;
  }
  return parameters;
}

/** Runs networks of one shape on up to `most` points at once, in memory that it keeps. */
export class Runner {
  constructor(/** @type {Shape} */ shape, /** @type {number} */ most) {
    this.shape = shape;
    this.signals = shape.layers.map((layer) => new Float64Array(most * layer.outputs));
    this.errors = shape.layers.map((layer) => new Float64Array(most * layer.outputs));
    this.margins = new Float64Array(most);
  }

  /**
   * The margins of `count` points, in `this.margins`.
   * @param {Float64Array} parameters  @param {Float64Array} inputs
   * @param {Uint8Array} labels  @param {number} count
   */
  forward(parameters, inputs, labels, count) {
    const { layers } = this.shape, last = layers.length - 1;
    let from = inputs;
    for (let l = 0; l <= last; l++) {
      pass(parameters, layers[l], from, count, this.signals[l], l < last);
      from = this.signals[l];
    }
    for (let n = 0; n < count; n++) {
      const difference = from[2 * n + 1] - from[2 * n];
      this.margins[n] = labels[n] ? difference : -difference;
    }
    return this.margins;
  }

  /**
   * The mean loss of `count` points; `gradient` becomes its derivative by every parameter.
   * @param {Float64Array} parameters  @param {Float64Array} inputs  @param {Uint8Array} labels
   * @param {number} count  @param {Float64Array} gradient
   */
  backward(parameters, inputs, labels, count, gradient) {
    const margins = this.forward(parameters, inputs, labels, count);
    const { layers } = this.shape;
    let loss = 0;
    const top = this.errors[layers.length - 1];
    for (let n = 0; n < count; n++) {
      loss += softplus(-margins[n]) / count;
      const slope = -1 / (1 + Math.exp(margins[n])) / count; // of the loss by the margin
      top[2 * n + labels[n]] = slope;
      top[2 * n + 1 - labels[n]] = -slope;
    }
    gradient.fill(0);
    for (let l = layers.length - 1; l >= 0; l--) {
      this.#weightGradient(l, l ? this.signals[l - 1] : inputs, count, gradient);
      if (l) this.#errorBelow(l, parameters, count);
    }
    return loss;
  }

  /** @param {number} l  @param {Float64Array} from  @param {number} count  @param {Float64Array} gradient */
  #weightGradient(l, from, count, gradient) {
    const { inputs: ins, outputs: outs, weights, biases } = this.shape.layers[l], errors = this.errors[l];
    for (let n = 0; n < count; n++) {
      for (let o = 0; o < outs; o++) {
        const error = errors[n * outs + o];
        if (error === 0) continue;
        gradient[biases + o] += error;
        const start = weights + o * ins;
        for (let i = 0; i < ins; i++) gradient[start + i] += error * from[n * ins + i];
      }
    }
  }

  /** @param {number} l  @param {Float64Array} parameters  @param {number} count */
  #errorBelow(l, parameters, count) {
    const { inputs: ins, outputs: outs, weights } = this.shape.layers[l];
    const errors = this.errors[l], below = this.errors[l - 1], signals = this.signals[l - 1];
    below.fill(0, 0, count * ins);
    for (let n = 0; n < count; n++) {
      for (let o = 0; o < outs; o++) {
        const error = errors[n * outs + o];
        if (error === 0) continue;
        const start = weights + o * ins;
        for (let i = 0; i < ins; i++) below[n * ins + i] += error * parameters[start + i];
      }
      for (let i = 0; i < ins; i++) if (signals[n * ins + i] <= 0) below[n * ins + i] = 0;
    }
  }
}

/**
 * One layer forwards. Four points at a time: their sums do not wait for each other.
 * @param {Float64Array} parameters  @param {Layer} layer  @param {Float64Array} from  @param {number} count
 * @param {Float64Array} to  @param {boolean} relu
 */
function pass(parameters, { inputs: ins, outputs: outs, weights, biases }, from, count, to, relu) {
  const whole = count - (count % 4);
  for (let o = 0; o < outs; o++) {
    const start = weights + o * ins, bias = parameters[biases + o];
    for (let n = 0; n < whole; n += 4) {
      const row = n * ins;
      let a = bias, b = bias, c = bias, d = bias;
      for (let i = 0; i < ins; i++) {
        const weight = parameters[start + i], at = row + i;
        a += weight * from[at];
        b += weight * from[at + ins];
        c += weight * from[at + 2 * ins];
        d += weight * from[at + 3 * ins];
      }
      const place = n * outs + o;
      to[place] = relu && a < 0 ? 0 : a;
      to[place + outs] = relu && b < 0 ? 0 : b;
      to[place + 2 * outs] = relu && c < 0 ? 0 : c;
      to[place + 3 * outs] = relu && d < 0 ? 0 : d;
    }
    for (let n = whole; n < count; n++) {
      let sum = bias;
      for (let i = 0; i < ins; i++) sum += parameters[start + i] * from[n * ins + i];
      to[n * outs + o] = relu && sum < 0 ? 0 : sum;
    }
  }
}

/** log(1 + exp(x)) without overflow. */
export function softplus(/** @type {number} */ x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
