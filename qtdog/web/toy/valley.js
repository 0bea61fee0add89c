/** The loss around both networks as two surfaces on one scale, seen from one side. */

import { cleared, mixed, write } from "./canvas.js";
import { GRID } from "./surfaces.js";

/** @typedef {import("./surfaces.js").Pair} Pair */
/** @typedef {import("./canvas.js").Colours} Colours */

const TILT = 0.5; // how far one looks down: 0 from the side, 1 from above
const INKS = 16; // shades from low to high
const [xs, ys, heights] = [0, 1, 2].map(() => new Float64Array(GRID * GRID));

/**
 * @param {HTMLCanvasElement} canvas  @param {Pair} pair  @param {number} highest loss on the scale
 * @param {number} turn radians  @param {Colours} colours  @param {[string, string]} names
 */
export function drawValleys(canvas, pair, highest, turn, colours, names) {
  const surface = cleared(canvas);
  if (!surface) return;
  const { context, width, height } = surface, half = width / 2;
  drawValley(context, pair.full, highest, turn, colours, colours.full, { left: 0, width: half, height });
  drawValley(context, pair.other, highest, turn, colours, colours.other, { left: half, width: half, height });
  write(context, names[0], half / 2, 11, colours.full, "center");
  write(context, names[1], half * 1.5, 11, colours.other, "center");
  write(context, `one scale, to a loss of ${highest.toFixed(1)}`, half, height - 3, colours.quiet, "center");
}

/** The largest loss of both, rounded up so that the scale seldom jumps. */
export function scaleOf(/** @type {Pair} */ { full, other }) {
  return Math.max(0.5, Math.ceil(Math.max(...full, ...other) * 2) / 2);
}

/**
 * @param {CanvasRenderingContext2D} context  @param {Float32Array} losses  @param {number} highest
 * @param {number} turn  @param {Colours} colours  @param {string} colour
 * @param {{ left: number, width: number, height: number }} place
 */
function drawValley(context, losses, highest, turn, colours, colour, { left, width, height }) {
  const size = width * 0.46, up = height * 0.5, middle = (GRID - 1) / 2;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  for (let i = 0; i < GRID * GRID; i++) {
    const a = (i % GRID) / middle - 1, b = Math.floor(i / GRID) / middle - 1;
    const across = (a * cos - b * sin) / Math.SQRT2, depth = (a * sin + b * cos) / Math.SQRT2;
    heights[i] = Math.min(losses[i] / highest, 1);
    xs[i] = left + width / 2 + across * size;
    ys[i] = height * 0.72 + depth * size * TILT - heights[i] * up;
  }
  const inks = Array.from({ length: INKS }, (_, i) => mixed(context, colour, colours.panel, 0.15 + (0.7 * i) / (INKS - 1)));
  context.lineWidth = 0.8;
  context.lineJoin = "round";
  context.strokeStyle = mixed(context, colour, colours.panel, 0.75);
  // From the back to the front.
  for (let r = 0; r < GRID - 1; r++) {
    const row = cos < 0 ? GRID - 2 - r : r;
    for (let c = 0; c < GRID - 1; c++) {
      const i = row * GRID + (sin < 0 ? GRID - 2 - c : c);
      context.fillStyle = inks[Math.round(((heights[i] + heights[i + GRID + 1]) / 2) * (INKS - 1))];
      context.beginPath();
      context.moveTo(xs[i], ys[i]);
      context.lineTo(xs[i + 1], ys[i + 1]);
      context.lineTo(xs[i + GRID + 1], ys[i + GRID + 1]);
      context.lineTo(xs[i + GRID], ys[i + GRID]);
      context.closePath();
      context.fill();
      context.stroke();
    }
  }
  const here = middle * GRID + middle;
  context.beginPath();
  context.arc(xs[here], ys[here], 4, 0, 2 * Math.PI);
  context.fillStyle = colours.ink;
  context.fill();
}
