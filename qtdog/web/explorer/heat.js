// Where a model looks, as colours over the picture.

/** @typedef {import("./engine.js").Heat} Heat */

/** Plotly's YlOrRd, light to dark: also in grey. */
const COLOURS = [
  [255, 255, 204], [255, 237, 160], [254, 217, 118], [254, 178, 76], [253, 141, 60], [252, 78, 42],
  [227, 26, 28], [189, 0, 38], [128, 0, 38],
];
const STRONGEST = 0.7;

/**
 * Draw a map over a picture of that size; the browser enlarges it smoothly.
 * @param {HTMLCanvasElement} canvas
 * @param {Heat} heat
 */
export function paintHeat(canvas, { width, height, values }) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  values.forEach((value, place) => {
    const at = value * (COLOURS.length - 1), low = Math.floor(at), rest = at - low;
    const next = COLOURS[Math.min(low + 1, COLOURS.length - 1)];
    COLOURS[low].forEach((shade, channel) => {
      image.data[4 * place + channel] = shade * (1 - rest) + next[channel] * rest;
    });
    image.data[4 * place + 3] = 255 * STRONGEST * value;
  });
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
