/** Adam (arXiv 1412.6980) with its usual constants. */

const FIRST = 0.9, SECOND = 0.999, EPSILON = 1e-8;

export class Adam {
  constructor(/** @type {number} */ count, /** @type {number} */ rate) {
    this.rate = rate;
    this.mean = new Float64Array(count);
    this.square = new Float64Array(count);
    this.step = 0;
  }

  /** One that goes on from here by itself. */
  copy() {
    const copy = new Adam(this.mean.length, this.rate);
    copy.mean.set(this.mean);
    copy.square.set(this.square);
    copy.step = this.step;
    return copy;
  }

  /**
   * Change the parameters, all or those that `learns` marks.
   * @param {Float64Array} parameters  @param {Float64Array} gradient  @param {Uint8Array} [learns]
   */
  update(parameters, gradient, learns) {
    this.step += 1;
    const rate = this.rate / (1 - FIRST ** this.step), root = Math.sqrt(1 - SECOND ** this.step);
    const { mean, square } = this;
    for (let i = 0; i < parameters.length; i++) {
      if (learns && !learns[i]) continue;
      const slope = gradient[i];
      mean[i] += (1 - FIRST) * (slope - mean[i]);
      square[i] = SECOND * square[i] + (1 - SECOND) * slope * slope;
      parameters[i] -= (rate * mean[i]) / (Math.sqrt(square[i]) / root + EPSILON);
    }
  }
}
