// Take a picture away from its domain: the same ten shifts and severities as in the package.

import {
  blend, boxBlur, fewColours, gaussianBlur, greyOf, rgbOf, rotated, roundHalfEven, turnedHue, withPixels,
} from "./filters.js";

/** @typedef {import("./filters.js").Rgb} Rgb */
/** @typedef {{grains: Float32Array, tiles: number[]}} Chance the random numbers that shifts share */

export const MOST_SEVERE = 5;
export const MAX_SIDE = 512;
const GRAINS = 192, TILES = 8;

/** @param {Rgb} image */
const side = ({ width, height }) => Math.max(width, height);

/** @param {Rgb} image @param {number} deviation */
const greyBlurred = (image, deviation) => gaussianBlur(greyOf(image), image.width, image.height, deviation);

/** @type {Record<string, (image: Rgb, strength: number, chance: Chance) => Uint8Array | Promise<Uint8Array>>} */
const SHIFTS = {
  pencil(image, strength) {
    const grey = greyOf(image), around = greyBlurred(image, side(image) / 100);
    const lines = grey.map((shade, i) => {
      const share = Math.fround(Math.min(1, shade / Math.max(around[i], 1)));
      return Math.trunc(Math.fround(share ** 3) * 255);
    });
    return blend(image.data, rgbOf(lines), strength);
  },

  cartoon(image, strength) {
    const smooth = boxBlur(image.data, image.width, image.height, side(image) / 170);
    const vivid = blend(rgbOf(greyOf(withPixels(image, smooth))), smooth, 1.6);
    const flat = fewColours(vivid, 10);
    const fine = greyBlurred(image, side(image) / 250), coarse = greyBlurred(image, side(image) / 90);
    const paper = flat.map((shade, i) => {
      const place = Math.floor(i / 3);
      return Math.trunc(shade * Math.fround(Math.min(1, Math.max(0, 1 + (fine[place] - coarse[place]) / 24))));
    });
    return blend(image.data, paper, strength);
  },

  posterise({ data }, strength) {
    const shades = roundHalfEven(16 * (2 / 16) ** strength), step = 255 / (shades - 1);
    const table = Uint8Array.from({ length: 256 }, (_, value) => roundHalfEven(roundHalfEven(value / step) * step));
    return data.map((value) => table[value]);
  },

  greyscale(image, strength) {
    return blend(image.data, rgbOf(greyOf(image)), strength);
  },

  blur(image, strength) {
    return gaussianBlur(image.data, image.width, image.height, 0.03 * strength * side(image));
  },

  noise({ data, width, height }, strength, { grains }) {
    const scale = GRAINS / Math.max(width, height);
    const [across, down] = [width, height].map((one) => Math.max(1, roundHalfEven(one * scale)));
    const size = Math.fround(100 * strength);
    return data.map((value, i) => {
      const x = Math.floor(i / 3) % width, y = Math.floor(i / (3 * width));
      const grain = grains[(Math.floor((y * down) / height) * across + Math.floor((x * across) / width)) * 3 + (i % 3)];
      return roundHalfEven(Math.min(255, Math.max(0, Math.fround(value + Math.fround(size * grain)))));
    });
  },

  async jpeg(image, strength) {
    const quality = roundHalfEven(60 * (4 / 60) ** strength);
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    context.putImageData(new ImageData(/** @type {any} */ (toRgba(image)), image.width, image.height), 0, 0);
    const file = await canvas.convertToBlob({ type: "image/jpeg", quality: quality / 100 });
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return toRgb(context.getImageData(0, 0, image.width, image.height)).data;
  },

  hue({ data }, strength) {
    return turnedHue(data, 128 * strength);
  },

  rotation(image, strength) {
    return rotated(image, 90 * strength, borderColour(image));
  },

  occlusion({ data, width, height }, strength, { tiles }) {
    const hidden = new Set(tiles.slice(0, roundHalfEven(0.75 * strength * TILES ** 2)));
    const columns = tilesAlong(width), rows = tilesAlong(height);
    return data.map((value, i) => {
      const tile = rows[Math.floor(i / (3 * width))] * TILES + columns[Math.floor(i / 3) % width];
      return hidden.has(tile) ? 128 : value;
    });
  },
};

/**
 * A picture at a severity of 0 to 5, of the same size.
 * @param {Rgb} image
 * @param {string} name of the shift
 * @param {number} severity
 * @param {Chance} chance
 * @returns {Promise<Rgb>}
 */
export async function shifted(image, name, severity, chance) {
  if (!(severity > 0)) return image;
  return withPixels(image, await SHIFTS[name](image, severity / MOST_SEVERE, chance));
}

/** @param {number} length @returns {number[]} the tile that each pixel lies in, summed up as Pillow does */
function tilesAlong(length) {
  const step = TILES / length;
  let at = step / 2;
  return Array.from({ length }, () => {
    const tile = Math.floor(at);
    at += step;
    return tile;
  });
}

/** @param {Rgb} image @returns {number[]} the border's usual colour */
function borderColour({ data, width, height }) {
  return [0, 1, 2].map((band) => {
    const values = [];
    for (let x = 0; x < width; x += 1) values.push(data[3 * x + band], data[3 * ((height - 1) * width + x) + band]);
    for (let y = 0; y < height; y += 1) values.push(data[3 * y * width + band], data[3 * (y * width + width - 1) + band]);
    values.sort((one, other) => one - other);
    const middle = values.length / 2;
    return Math.trunc((values[middle - 1] + values[middle]) / 2);
  });
}

/** @param {{data: ArrayLike<number>, width: number, height: number}} rgba @returns {Rgb} */
export function toRgb({ data, width, height }) {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i += 1) {
    for (let band = 0; band < 3; band += 1) rgb[3 * i + band] = data[4 * i + band];
  }
  return { data: rgb, width, height };
}

/** @param {Rgb} image @returns {Uint8ClampedArray} RGBA */
export function toRgba({ data }) {
  return Uint8ClampedArray.from({ length: (data.length / 3) * 4 }, (_, i) => (
    i % 4 === 3 ? 255 : data[3 * Math.floor(i / 4) + (i % 4)]
  ));
}
