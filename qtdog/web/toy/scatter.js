/** A domain's points, and where the networks draw the line between the classes. */

import { cleared, twinOf } from "./canvas.js";
import { FIELD } from "./live.js";

/** @typedef {import("./domains.js").Points} Points */
/** @typedef {import("./canvas.js").Colours} Colours */

/** @typedef {{ x: (value: number) => number, y: (value: number) => number, reach: number, key: string }} View */

/** @type {WeakMap<HTMLCanvasElement, { points: Points, key: string, image: HTMLCanvasElement }>} */
const dotted = new WeakMap(); // points stay while networks learn: they are drawn once
/** @type {WeakMap<Float32Array, { key: string, path: Path2D }>} */
const traced = new WeakMap(); // every domain has the same borderlines

/**
 * Class 0 is filled, class 1 hollow. Each line is a field with its colour and dashes.
 * @param {HTMLCanvasElement} canvas  @param {Points} points  @param {number} reach  @param {Colours} colours
 * @param {{ field: Float32Array, colour: string, dashes: number[] }[]} lines
 * @param {{ x: number, y: number } | null} [cursor]
 */
export function drawScatter(canvas, points, reach, colours, lines, cursor = null) {
  const surface = cleared(canvas);
  if (!surface) return;
  const { context, width, height } = surface, scale = Math.min(width, height) / 2 / reach;
  const view = {
    x: (/** @type {number} */ value) => width / 2 + value * scale,
    y: (/** @type {number} */ value) => height / 2 - value * scale,
    reach, key: [width, height, reach].join(),
  };
  context.drawImage(dots(canvas, points, view, colours.ink), 0, 0, width, height);
  for (const { field, colour, dashes } of lines) {
    context.strokeStyle = colour;
    context.lineWidth = 2.5;
    context.setLineDash(dashes);
    context.stroke(line(field, view));
  }
  context.setLineDash([]);
  if (cursor) {
    context.strokeStyle = colours.quiet;
    context.lineWidth = 1.5;
    context.strokeRect(view.x(cursor.x) - 5, view.y(cursor.y) - 5, 10, 10);
  }
}

/** @param {HTMLCanvasElement} canvas  @param {Points} points  @param {View} view  @param {string} ink */
function dots(canvas, points, { x, y, key }, ink) {
  const before = dotted.get(canvas), now = [key, canvas.width, ink].join();
  if (before?.points === points && before.key === now) return before.image;
  const context = twinOf(canvas), radius = points.labels.length > 150 ? 1.9 : 2.4;
  context.globalAlpha = 0.75;
  context.fillStyle = context.strokeStyle = ink;
  for (const label of [0, 1]) {
    context.beginPath();
    for (let n = 0; n < points.labels.length; n++) {
      if (points.labels[n] !== label) continue;
      const at = n * points.dimensions, px = x(points.inputs[at]), py = y(points.inputs[at + 1]);
      context.moveTo(px + radius, py);
      context.arc(px, py, radius, 0, 2 * Math.PI);
    }
    if (label) context.stroke();
    else context.fill();
  }
  dotted.set(canvas, { points, key: now, image: context.canvas });
  return context.canvas;
}

/** @param {Float32Array} field  @param {View} view */
function line(field, { x, y, reach, key }) {
  const before = traced.get(field);
  if (before?.key === key) return before.path;
  const path = borderline(field, x, y, reach);
  traced.set(field, { key, path });
  return path;
}

/** Where a field is 0: its cells' parts (marching squares), joined to lines. */
function borderline(/** @type {Float32Array} */ field, /** @type {(v: number) => number} */ x, /** @type {(v: number) => number} */ y, /** @type {number} */ reach) {
  const path = new Path2D(), cell = (2 * reach) / (FIELD - 1);
  /** @type {Map<number, number[]>} */
  const joined = new Map(); // crossed edge -> the edges that it is joined with
  /** @type {Map<number, [number, number]>} */
  const places = new Map();
  const cross = (/** @type {number} */ a, /** @type {number} */ b) => {
    if (field[a] > 0 === field[b] > 0) return -1;
    const edge = 2 * a + (b === a + 1 ? 0 : 1);
    if (!places.has(edge)) {
      const share = field[a] / (field[a] - field[b]);
      const column = (a % FIELD) + (b === a + 1 ? share : 0), row = Math.floor(a / FIELD) + (b === a + 1 ? 0 : share);
      places.set(edge, [x(-reach + column * cell), y(reach - row * cell)]);
    }
    return edge;
  };
  for (let row = 0; row < FIELD - 1; row++) {
    for (let column = 0; column < FIELD - 1; column++) {
      const a = row * FIELD + column;
      const edges = [cross(a, a + 1), cross(a, a + FIELD), cross(a + FIELD, a + FIELD + 1), cross(a + 1, a + FIELD + 1)]
        .filter((edge) => edge >= 0);
      for (let i = 0; i + 1 < edges.length; i += 2) {
        for (const [from, to] of [[edges[i], edges[i + 1]], [edges[i + 1], edges[i]]]) {
          joined.set(from, [...(joined.get(from) ?? []), to]);
        }
      }
    }
  }
  const seen = new Set();
  const follow = (/** @type {number} */ start) => {
    let edge = start, first = true;
    while (true) {
      seen.add(edge);
      const [px, py] = /** @type {[number, number]} */ (places.get(edge));
      if (first) path.moveTo(px, py);
      else path.lineTo(px, py);
      first = false;
      const next = joined.get(edge)?.find((one) => !seen.has(one));
      if (next === undefined) break;
      edge = next;
    }
    if (joined.get(edge)?.includes(start) && edge !== start) path.closePath();
  };
  for (const [edge, others] of joined) if (others.length === 1 && !seen.has(edge)) follow(edge);
  for (const edge of joined.keys()) if (!seen.has(edge)) follow(edge);
  return path;
}
