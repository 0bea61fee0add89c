/** Accuracies and the rise over the steps. */

import { cleared, write } from "./canvas.js";
import { STEPS } from "./settings.js";

/** @typedef {{ step: number, full: number, other: number }} Place */
/** @typedef {{ source: Place[], heldOut: Place[], rise: Place[] }} History */
/** @typedef {import("./canvas.js").Colours} Colours */

const LEFT = 30, RIGHT = 4, TITLE = 14, BOTTOM = 14; // pixels

/**
 * Two charts, one above the other; lines of the sources are thin.
 * @param {HTMLCanvasElement} canvas  @param {History} history  @param {number} quantizeStep  @param {Colours} colours
 */
export function drawCurves(canvas, history, quantizeStep, colours) {
  const surface = cleared(canvas);
  if (!surface) return;
  const { context, width, height } = surface, half = (height - BOTTOM) / 2;
  const lowest = Math.min(0.5, ...history.heldOut.map((one) => Math.min(one.full, one.other)));
  const floor = Math.floor(lowest * 10) / 10;
  const accuracy = chart(context, width, 0, half, floor, 1, quantizeStep, colours);
  write(context, "accuracy: sources thin, held-out thick", LEFT, 10, colours.quiet);
  for (const level of [floor, (1 + floor) / 2, 1]) accuracy.level(level, `${Math.round(100 * level)}%`);
  accuracy.lines(history.source, 1);
  accuracy.lines(history.heldOut, 2.4);
  const top = Math.max(0.2, ...history.rise.map((one) => Math.max(one.full, one.other))) * 1.05;
  const rise = chart(context, width, half, half, 0, top, quantizeStep, colours);
  write(context, "rise of the loss after a move", LEFT, half + 10, colours.quiet);
  for (const level of [0, top / 2]) rise.level(level, level.toFixed(2));
  rise.lines(history.rise, 2.4);
  write(context, "0", LEFT, height - 3, colours.quiet);
  write(context, `${STEPS.toLocaleString("en")} steps`, width - RIGHT, height - 3, colours.quiet, "right");
  if (quantizeStep > STEPS * 0.15 && quantizeStep < STEPS * 0.65) {
    write(context, `${quantizeStep}`, rise.x(quantizeStep), height - 3, colours.quiet, "center");
  }
}

/** @param {CanvasRenderingContext2D} context  @param {Colours} colours */
function chart(context, /** @type {number} */ width, /** @type {number} */ top, /** @type {number} */ height, /** @type {number} */ low, /** @type {number} */ high, /** @type {number} */ quantizeStep, colours) {
  const x = (/** @type {number} */ step) => LEFT + ((width - LEFT - RIGHT) * step) / STEPS;
  const y = (/** @type {number} */ value) => top + height - 4 - ((height - TITLE - 6) * (value - low)) / (high - low);
  context.lineWidth = 1;
  context.strokeStyle = colours.quiet;
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(x(quantizeStep), y(high));
  context.lineTo(x(quantizeStep), y(low));
  context.stroke();
  context.setLineDash([]);
  const line = (/** @type {Place[]} */ places, /** @type {"full" | "other"} */ which, /** @type {number} */ thick, /** @type {number[]} */ dashes) => {
    context.beginPath();
    places.forEach((place, i) => (i ? context.lineTo(x(place.step), y(place[which])) : context.moveTo(x(place.step), y(place[which]))));
    context.lineWidth = thick;
    context.strokeStyle = colours[which];
    context.setLineDash(dashes);
    context.stroke();
    context.setLineDash([]);
  };
  return {
    x,
    level(/** @type {number} */ value, /** @type {string} */ text) {
      context.strokeStyle = colours.line;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(LEFT, y(value));
      context.lineTo(width - RIGHT, y(value));
      context.stroke();
      write(context, text, LEFT - 4, y(value) + 4, colours.quiet, "right", 10);
    },
    lines(/** @type {Place[]} */ places, /** @type {number} */ thick) {
      line(places, "full", thick, []);
      line(places.filter((one) => one.step >= quantizeStep), "other", thick, [6, 3]);
    },
  };
}
