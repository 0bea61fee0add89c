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

/**
 * Runs networks of one shape on up to `most` points at once, in memory that it keeps. What is 0
 * is left out; four sums at a time do not wait for each other.
 */
export class Runner {
  constructor(/** @type {Shape} */ shape, /** @type {number} */ most) {
    this.shape = shape;
    this.signals = shape.layers.map((layer) => new Float64Array(most * layer.outputs));
    this.errors = shape.layers.map((layer) => new Float64Array(most * layer.outputs));
    this.margins = new Float64Array(most);
    const longest = Math.max(most, ...shape.layers.map((layer) => layer.inputs), 2);
    this.places = new Int32Array(longest); // what is not 0 of one row or column: where it is,
    this.values = new Float64Array(longest); // and how much
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
      this.#pass(parameters, layers[l], from, count, this.signals[l], l < last);
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
    for (let l = layers.length - 1; l >= 0; l--) {
      this.#weightGradient(l, l ? this.signals[l - 1] : inputs, count, gradient);
      if (l) this.#errorBelow(l, parameters, count);
    }
    return loss;
  }

  /** @param {number} l  @param {Float64Array} from  @param {number} count  @param {Float64Array} gradient */
  #weightGradient(l, from, count, gradient) {
    const { inputs: ins, outputs: outs, weights, biases } = this.shape.layers[l];
    const { places, values } = this, errors = this.errors[l], whole = ins - (ins % 4);
    for (let o = 0; o < outs; o++) {
      const kept = keep(errors, o, outs, count, places, values), start = weights + o * ins;
      let sum = 0;
      for (let k = 0; k < kept; k++) sum += values[k];
      gradient[biases + o] = sum;
      for (let i = 0; i < whole; i += 4) {
        let a = 0, b = 0, c = 0, d = 0;
        for (let k = 0; k < kept; k++) {
          const error = values[k], at = places[k] * ins + i;
          a += error * from[at];
          b += error * from[at + 1];
          c += error * from[at + 2];
          d += error * from[at + 3];
        }
        gradient[start + i] = a;
        gradient[start + i + 1] = b;
        gradient[start + i + 2] = c;
        gradient[start + i + 3] = d;
      }
      for (let i = whole; i < ins; i++) {
        let slope = 0;
        for (let k = 0; k < kept; k++) slope += values[k] * from[places[k] * ins + i];
        gradient[start + i] = slope;
      }
    }
  }

  /** @param {number} l  @param {Float64Array} parameters  @param {number} count */
  #errorBelow(l, parameters, count) {
    const { inputs: ins, outputs: outs, weights } = this.shape.layers[l], { places, values } = this;
    const errors = this.errors[l], below = this.errors[l - 1], signals = this.signals[l - 1];
    for (let n = 0; n < count; n++) {
      const kept = keep(errors, n * outs, 1, outs, places, values), row = n * ins;
      for (let i = 0; i < ins; i++) {
        let error = 0;
        if (!(signals[row + i] <= 0)) {
          for (let k = 0; k < kept; k++) error += values[k] * parameters[weights + places[k] * ins + i];
        }
        below[row + i] = error;
      }
    }
  }

  /**
   * One layer forwards.
   * @param {Float64Array} parameters  @param {Layer} layer  @param {Float64Array} from  @param {number} count
   * @param {Float64Array} to  @param {boolean} relu
   */
  #pass(parameters, { inputs: ins, outputs: outs, weights, biases }, from, count, to, relu) {
    const { places, values } = this, whole = outs - (outs % 4);
    for (let n = 0; n < count; n++) {
      const kept = keep(from, n * ins, 1, ins, places, values), row = n * outs;
      for (let o = 0; o < whole; o += 4) {
        const start = weights + o * ins, bias = biases + o;
        let a = parameters[bias], b = parameters[bias + 1], c = parameters[bias + 2], d = parameters[bias + 3];
        for (let k = 0; k < kept; k++) {
          const value = values[k], at = start + places[k];
          a += value * parameters[at];
          b += value * parameters[at + ins];
          c += value * parameters[at + 2 * ins];
          d += value * parameters[at + 3 * ins];
        }
        to[row + o] = relu && a < 0 ? 0 : a;
        to[row + o + 1] = relu && b < 0 ? 0 : b;
        to[row + o + 2] = relu && c < 0 ? 0 : c;
        to[row + o + 3] = relu && d < 0 ? 0 : d;
      }
      for (let o = whole; o < outs; o++) {
        let sum = parameters[biases + o];
        for (let k = 0; k < kept; k++) sum += values[k] * parameters[weights + o * ins + places[k]];
        to[row + o] = relu && sum < 0 ? 0 : sum;
      }
    }
  }
}

/**
 * Of `count` numbers, every `by`th from `start` on, those that are not 0: ReLU leaves few.
 * @param {Float64Array} of  @param {number} start  @param {number} by  @param {number} count
 * @param {Int32Array} places gets which they are  @param {Float64Array} values gets them
 * @returns how many
 */
function keep(of, start, by, count, places, values) {
  let kept = 0;
  for (let i = 0, at = start; i < count; i++, at += by) {
    const value = of[at];
    places[kept] = i;
    values[kept] = value;
    if (value !== 0) kept += 1;
  }
  return kept;
}

/** log(1 + exp(x)) without overflow. */
export function softplus(/** @type {number} */ x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
