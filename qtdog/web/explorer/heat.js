// Where the models look: heat over the picture in grey, and in words.

import { element } from "./dom.js";
import { listed, percent, plain } from "./sentences.js";

/** @typedef {import("./engine.js").Heat} Heat */
/** @typedef {import("./picture.js").Pixels} Pixels */
/** @typedef {{method: string, name: string, marker: string, label: string, heat: Heat}} Look */

const SIDE = 360;  // px of the longer side of an overlay
const STRONGEST = 0.7;  // opacity of the hottest place
/** Plotly's YlOrRd from light to dark: also in grey. */
const COLOURS = [
  [255, 255, 204], [255, 237, 160], [254, 217, 118], [254, 178, 76], [253, 141, 60], [252, 78, 42],
  [227, 26, 28], [189, 0, 38], [128, 0, 38],
];
const PLACES = [
  "in the upper left", "at the top", "in the upper right", "on the left", "in the centre", "on the right",
  "in the lower left", "at the bottom", "in the lower right",
];
const MOST_PLACES_NAMED = 3;

/**
 * An overlay for each model; those of before are painted over where they are of the same models.
 * @param {HTMLElement} place
 * @param {Pixels} pixels
 * @param {Look[]} looks
 */
export function showLooks(place, pixels, looks) {
  const around = /** @type {import("../figures/numbers.js").Numbered | null} */ (place.closest(".figure"));
  if (around) around.numbers = () => numbers(looks);
  const figures = /** @type {HTMLElement[]} */ ([...place.querySelectorAll(".look")]);
  if (figures.map((one) => one.dataset.method).join() !== looks.map((one) => one.method).join()) {
    place.replaceChildren(...looks.map(({ method }) => element(
      "figure", { class: "look", "data-method": method, style: `--ink: var(--${method})` },
      element("canvas", { role: "img" }), element("figcaption"),
    )));
  }
  looks.forEach((look, i) => {
    const canvas = /** @type {HTMLCanvasElement} */ (place.querySelectorAll("canvas")[i]);
    const words = where(look.heat);
    paintOver(canvas, pixels, look.heat);
    canvas.setAttribute("aria-label", `${look.name}, ${plain(look.label)}: ${words}`);
    place.querySelectorAll("figcaption")[i].replaceChildren(
      element("b", {}, element("span", { class: "marker", "aria-hidden": "true" }, look.marker), ` ${look.name}`),
      ", for ", element("b", {}, plain(look.label)), `: ${words}.`,
    );
  });
}

/** The maps in numbers, rows from the top. @param {Look[]} looks @returns {import("../figures/numbers.js").Row[]} */
function numbers(looks) {
  const head = ["model", "class", "row", "column", "heat (1: this model's hottest place)"];
  const rows = looks.flatMap(({ name, label, heat: { width, values } }) => [...values].map((value, at) => (
    [name, label, Math.floor(at / width) + 1, (at % width) + 1, value.toFixed(4)])));
  return [head, ...rows];
}

/** @type {HTMLCanvasElement[]} */
const scratch = [];

/**
 * Heat in colour over a picture in grey; the browser enlarges both smoothly.
 * @param {HTMLCanvasElement} canvas
 * @param {Pixels} pixels
 * @param {Heat} heat
 */
function paintOver(canvas, pixels, heat) {
  while (scratch.length < 2) scratch.push(document.createElement("canvas"));
  const [picture, colours] = scratch;
  const scale = SIDE / Math.max(pixels.width, pixels.height);
  canvas.width = Math.max(1, Math.round(pixels.width * scale));
  canvas.height = Math.max(1, Math.round(pixels.height * scale));
  put(picture, new ImageData(/** @type {any} */ (pixels.data), pixels.width, pixels.height));
  put(colours, coloured(heat));
  const context = canvas.getContext("2d");
  if (!context) return;
  context.filter = "grayscale(1)";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  context.filter = "none";
  context.imageSmoothingQuality = "high";
  context.drawImage(colours, 0, 0, canvas.width, canvas.height);
}

/** @param {HTMLCanvasElement} canvas @param {ImageData} image */
function put(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** @param {Heat} heat @returns {ImageData} */
function coloured({ width, height, values }) {
  const image = new ImageData(width, height);
  values.forEach((value, place) => {
    const at = value * (COLOURS.length - 1), low = Math.floor(at), rest = at - low;
    const next = COLOURS[Math.min(low + 1, COLOURS.length - 1)];
    COLOURS[low].forEach((shade, channel) => {
      image.data[4 * place + channel] = shade * (1 - rest) + next[channel] * rest;
    });
    image.data[4 * place + 3] = 255 * STRONGEST * value;
  });
  return image;
}

/**
 * Where the heat is: the fewest of nine equal parts that hold half of it, if three or fewer do.
 * @param {Heat} heat
 * @returns {string}
 */
export function where({ width, height, values }) {
  const total = values.reduce((sum, one) => sum + one, 0);
  if (!(total > 0)) return "no place speaks for this class";
  const rows = thirds(height), columns = thirds(width);
  const shares = PLACES.map((_, part) => {
    let sum = 0;
    values.forEach((value, at) => {
      sum += rows[Math.floor(part / 3)][Math.floor(at / width)] * columns[part % 3][at % width] * value;
    });
    return Math.round((sum / total) * 1e9) / 1e9;
  });
  const order = PLACES.map((_, part) => part).sort((one, other) => shares[other] - shares[one]);
  let held = 0, count = 0;
  while (held < 0.5 - 1e-6) {
    held += shares[order[count]];
    count += 1;
  }
  if (count > MOST_PLACES_NAMED) {
    const most = `the most (${percent(shares[order[0]])}) ${PLACES[order[0]]}`;
    return `the heat is spread out, ${most}, the least ${PLACES[order[8]]}`;
  }
  return `${percent(held)} of the heat is ${listed(order.slice(0, count).map((part) => PLACES[part]))}`;
}

/**
 * How much of each of some equal stretches lies in each third.
 * @param {number} length
 * @returns {number[][]}
 */
function thirds(length) {
  return [0, 1, 2].map((third) => Array.from({ length }, (_, i) => (
    Math.max(0, Math.min((i + 1) / length, (third + 1) / 3) - Math.max(i / length, third / 3)) * length
  )));
}
