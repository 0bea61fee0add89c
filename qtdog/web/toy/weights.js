/** Every weight as a dot on its neuron's line, with the line's marks once weights are rounded. */

import { cleared, write } from "./canvas.js";
import { codeRange } from "./quantizer.js";

/** @typedef {import("./live.js").Frame["weights"]} Weights */
/** @typedef {import("./network.js").Shape} Shape */

const TOP = 15, GAP = 14, CLOSEST_MARKS = 2.5; // pixels

/**
 * A column a layer, a line a neuron. Ghosts are the weights behind the rounded ones.
 * @param {HTMLCanvasElement} canvas  @param {Shape} shape  @param {Weights} weights  @param {number} bits
 * @param {import("./canvas.js").Colours} colours  @param {boolean} parted whether the arms have parted
 */
export function drawWeights(canvas, shape, weights, bits, colours, parted) {
  const surface = cleared(canvas);
  if (!surface) return;
  const { context, width, height } = surface, { layers } = shape;
  const column = (width - GAP * (layers.length - 1)) / layers.length;
  layers.forEach((layer, place) => {
    const left = place * (column + GAP), rows = Math.max(...layers.map((one) => one.outputs));
    const row = Math.min((height - TOP) / rows, 26);
    let furthest = 1e-6;
    for (let i = layer.weights; i < layer.biases; i++) {
      furthest = Math.max(furthest, Math.abs(weights.other[i]), Math.abs(weights.behind[i]));
    }
    furthest = Math.ceil(furthest * 1.05 * 2) / 2; // in halves, so that the scale seldom jumps
    const x = (/** @type {number} */ value) => left + column / 2 + ((column / 2 - 4) * value) / furthest;
    write(context, `layer ${place + 1}: ±${furthest}`, left + column / 2, 10, colours.quiet, "center");
    drawLayer(context, layer, weights, bits, colours, parted, { x, row, left, column });
  });
}

/**
 * @param {CanvasRenderingContext2D} context  @param {import("./network.js").Layer} layer  @param {Weights} weights
 * @param {number} bits  @param {import("./canvas.js").Colours} colours  @param {boolean} parted
 * @param {{ x: (value: number) => number, row: number, left: number, column: number }} place
 */
function drawLayer(context, layer, weights, bits, colours, parted, { x, row, left, column }) {
  const radius = Math.min(row * 0.22, 3), rounds = parted && weights.logSteps;
  const lines = new Path2D(), marks = new Path2D(), ghosts = new Path2D(), dots = new Path2D();
  for (let o = 0; o < layer.outputs; o++) {
    const y = TOP + row * (o + 0.5), start = layer.weights + o * layer.inputs;
    lines.moveTo(left, y);
    lines.lineTo(left + column, y);
    if (rounds) addMarks(marks, x, y, row, Math.exp(rounds[layer.neurons + o]), bits, left, left + column);
    for (let i = start; i < start + layer.inputs; i++) {
      dot(dots, x(weights.other[i]), y, radius);
      if (rounds) dot(ghosts, x(weights.behind[i]), y - row * 0.28, radius * 0.6);
    }
  }
  context.lineWidth = 1;
  context.strokeStyle = colours.line;
  context.stroke(lines);
  context.strokeStyle = colours.quiet;
  context.stroke(marks);
  context.globalAlpha = 0.6;
  context.fillStyle = colours.ink;
  context.fill(ghosts);
  context.globalAlpha = 1;
  context.fillStyle = parted ? colours.other : colours.full;
  context.fill(dots);
}

/** @param {Path2D} marks  @param {(value: number) => number} x */
function addMarks(marks, x, /** @type {number} */ y, /** @type {number} */ row, /** @type {number} */ step, /** @type {number} */ bits, /** @type {number} */ left, /** @type {number} */ right) {
  if (x(step) - x(0) < CLOSEST_MARKS) return;
  const [least, most] = codeRange(bits);
  for (let code = least; code <= most; code++) {
    const at = x(code * step);
    if (at < left || at > right) continue;
    marks.moveTo(at, y - row * 0.2);
    marks.lineTo(at, y + row * 0.2);
  }
}

function dot(/** @type {Path2D} */ path, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ radius) {
  path.moveTo(x + radius, y);
  path.arc(x, y, radius, 0, 2 * Math.PI);
}
