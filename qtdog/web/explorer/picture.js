// Pictures into pixels: a file, the clipboard, a drop, one of ours, a frame of a video.

/** @typedef {{data: Uint8ClampedArray, width: number, height: number}} Pixels */

const MOST_BYTES = 64 * 2 ** 20;
export const LARGEST_SIDE = 2048;

/** A picture that cannot be used, in one sentence. */
export class PictureError extends Error {}

/**
 * The pixels of a picture file, upright and on white, at most LARGEST_SIDE a side.
 * @param {Blob} file
 * @returns {Promise<Pixels>}
 * @throws {PictureError}
 */
export async function pixelsOf(file) {
  if (!file.size) throw new PictureError("This file is empty: choose a picture such as a JPEG or PNG.");
  if (file.size > MOST_BYTES) {
    throw new PictureError("This file is over 64 MB: shrink the picture and choose it again.");
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new PictureError("This browser cannot read the file as a picture: choose a JPEG or PNG.");
  }
  try {
    return drawn(bitmap, bitmap.width, bitmap.height, LARGEST_SIDE);
  } finally {
    bitmap.close();
  }
}

/** @type {CanvasRenderingContext2D | null} */
let scratch = null;

/**
 * The pixels of something that can be drawn, on white.
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @param {number} most px a side
 * @returns {Pixels}
 */
export function drawn(source, width, height, most) {
  const scale = Math.min(1, most / Math.max(width, height));
  const size = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  scratch ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const context = /** @type {CanvasRenderingContext2D} */ (scratch);
  [context.canvas.width, context.canvas.height] = size;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size[0], size[1]);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, size[0], size[1]);
  const { data } = context.getImageData(0, 0, size[0], size[1]);
  return { data, width: size[0], height: size[1] };
}

/**
 * Pixels onto a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {Pixels} pixels
 */
export function paint(canvas, { data, width, height }) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(/** @type {any} */ (data), width, height);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/**
 * The first picture among what was pasted or dropped.
 * @param {DataTransfer | null} given
 * @returns {File | null}
 */
export function pictureIn(given) {
  return [...(given?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? given?.files[0] ?? null;
}
