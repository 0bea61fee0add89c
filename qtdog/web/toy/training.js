/** A network in training: full precision, or an arm that goes on from it at the quantization step. */

import { Adam } from "./adam.js";
import { BATCHES, NOISE, stream } from "./draws.js";
import { Runner, shapeOf, startParameters } from "./network.js";
import { passThrough, round, startLogSteps } from "./quantizer.js";
import { sizesOf } from "./settings.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./domains.js").Points} Points */
/** @typedef {"full-precision" | "qt-dog" | "noise" | "frozen"} Arm */

export const BATCH = 32;

export class Run {
  /**
   * @param {number} seed of the start, the batches and the noise
   * @param {Settings} settings  @param {Points} points to train on  @param {Arm} arm
   */
  constructor(seed, settings, points, arm = "full-precision") {
    this.seed = seed;
    this.settings = settings;
    this.points = points;
    this.shape = shapeOf(sizesOf(settings));
    this.arm = arm;
    this.step = 0;
    this.parameters = startParameters(seed, this.shape);
    this.logSteps = new Float64Array(this.shape.neurons);
    this.adam = new Adam(this.shape.count, settings.rate);
    this.stepAdam = new Adam(this.shape.neurons, settings.rate);
    this.sum = new Float64Array(this.shape.count); // of what was stored after every step, for averages
    this.summed = 0;
    this.runner = new Runner(this.shape, BATCH);
    this.batches = stream(this.seed, BATCHES);
    this.noise = stream(this.seed, NOISE);
    this.inputs = new Float64Array(BATCH * this.points.dimensions);
    this.labels = new Uint8Array(BATCH);
    this.computed = new Float64Array(this.shape.count);
    this.gradient = new Float64Array(this.shape.count);
    this.stepGradient = new Float64Array(this.shape.neurons);
    this.learns = arm === "frozen" ? biasesOf(this.shape) : undefined;
  }

  /** A run that goes on from here as another arm; this one stays as it is. */
  branch(/** @type {Arm} */ arm) {
    const run = new Run(this.seed, this.settings, this.points, arm);
    run.step = this.step;
    run.parameters.set(this.parameters);
    run.adam = this.adam.copy();
    if (arm !== "full-precision") run.logSteps = startLogSteps(run.shape, run.parameters, run.settings.bits);
    return run;
  }

  /** Whether weights are rounded. */
  get rounds() {
    return this.arm === "qt-dog" || this.arm === "frozen";
  }

  /** The next step's loss; its gradients are in `gradient` and `stepGradient`. */
  lossAndGradient() {
    this.#fillBatch();
    this.#fillComputed();
    const loss = this.runner.backward(this.computed, this.inputs, this.labels, BATCH, this.gradient);
    if (this.rounds) {
      const { shape, parameters, logSteps, settings, gradient, stepGradient } = this;
      passThrough(shape, parameters, logSteps, settings.bits, gradient, stepGradient);
    }
    return loss;
  }

  /** One step of training; returns its loss. */
  advance() {
    const loss = this.lossAndGradient();
    this.adam.update(this.parameters, this.gradient, this.learns);
    if (this.arm === "qt-dog") this.stepAdam.update(this.logSteps, this.stepGradient);
    this.step += 1;
    if (this.step > this.settings.quantizeStep && (this.settings.averaged || !this.rounds)) {
      const stored = this.stored();
      for (let i = 0; i < stored.length; i++) this.sum[i] += stored[i];
      this.summed += 1;
    }
    return loss;
  }

  /** The network that is kept if training ends here. It changes with the next call. */
  stored() {
    if (!this.rounds) return this.parameters;
    return round(this.shape, this.parameters, this.logSteps, this.settings.bits, this.computed);
  }

  /** The mean of those that were stored since the quantization step; where weights are rounded,
   * rounded again. */
  averaged() {
    if (!this.summed) return this.stored().slice();
    const mean = this.sum.map((one) => one / this.summed);
    return this.rounds ? roundedAfter(this.shape, mean, this.settings.bits) : mean;
  }

  #fillBatch() {
    const { points, inputs, labels } = this, { dimensions } = points;
    for (let n = 0; n < BATCH; n++) {
      const row = Math.floor(this.batches.uniform(this.step * BATCH + n) * points.labels.length);
      for (let d = 0; d < dimensions; d++) inputs[n * dimensions + d] = points.inputs[row * dimensions + d];
      labels[n] = points.labels[row];
    }
  }

  #fillComputed() {
    const { shape, parameters, logSteps, computed } = this;
    if (this.rounds) round(shape, parameters, logSteps, this.settings.bits, computed);
    else computed.set(parameters);
    if (this.arm !== "noise") return;
    let place = this.step * shape.weightCount;
    for (const { inputs, outputs, weights, neurons } of shape.layers) {
      for (let i = 0; i < inputs * outputs; i++) {
        const size = Math.exp(logSteps[neurons + Math.floor(i / inputs)]);
        computed[weights + i] += size * (this.noise.uniform(place++) - 0.5);
      }
    }
  }
}

/** A network rounded after its training, with the step sizes of least error. */
export function roundedAfter(
  /** @type {import("./network.js").Shape} */ shape, /** @type {Float64Array} */ parameters, /** @type {number} */ bits,
) {
  const logSteps = startLogSteps(shape, parameters, bits);
  return round(shape, parameters, logSteps, bits, new Float64Array(shape.count));
}

/** @param {import("./network.js").Shape} shape */
function biasesOf(shape) {
  const marks = new Uint8Array(shape.count);
  for (const { biases, outputs } of shape.layers) marks.fill(1, biases, biases + outputs);
  return marks;
}
