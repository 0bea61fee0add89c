/** The loss around both networks as two surfaces on one scale, seen from one side. */

import { cleared, write } from "./canvas.js";
import { GRID } from "./surfaces.js";

/** @typedef {import("./surfaces.js").Pair} Pair */
/** @typedef {import("./canvas.js").Colours} Colours */

const TILT = 0.5; // how far one looks down: 0 from the side, 1 from above

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
  write(context, `both to a loss of ${highest.toFixed(1)}`, half, height - 3, colours.quiet, "center");
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
  const at = (/** @type {number} */ row, /** @type {number} */ column) => {
    const [a, b] = [(column - middle) / middle, (row - middle) / middle];
    const across = (a * cos - b * sin) / Math.SQRT2, depth = (a * sin + b * cos) / Math.SQRT2;
    const z = Math.min(losses[row * GRID + column] / highest, 1);
    return { x: left + width / 2 + across * size, y: height * 0.72 + depth * size * TILT - z * up, depth, z };
  };
  const points = Array.from({ length: GRID * GRID }, (_, i) => at(Math.floor(i / GRID), i % GRID));
  const cells = [];
  for (let row = 0; row < GRID - 1; row++) {
    for (let column = 0; column < GRID - 1; column++) {
      const i = row * GRID + column;
      const corners = [points[i], points[i + 1], points[i + GRID + 1], points[i + GRID]];
      cells.push({ corners, depth: corners[0].depth + corners[2].depth, z: (corners[0].z + corners[2].z) / 2 });
    }
  }
  cells.sort((one, next) => one.depth - next.depth);
  context.lineWidth = 0.8;
  context.lineJoin = "round";
  for (const { corners, z } of cells) {
    context.beginPath();
    corners.forEach(({ x, y }, i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.fillStyle = colours.panel;
    context.fill();
    context.globalAlpha = 0.15 + 0.7 * z;
    context.fillStyle = colour;
    context.fill();
    context.globalAlpha = 0.7;
    context.strokeStyle = colour;
    context.stroke();
    context.globalAlpha = 1;
  }
  const here = at(middle, middle);
  context.beginPath();
  context.arc(here.x, here.y, 4, 0, 2 * Math.PI);
  context.fillStyle = colours.ink;
  context.fill();
}
