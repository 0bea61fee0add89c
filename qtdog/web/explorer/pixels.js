// How a picture enters a network: the same numbers as in the package.

const PRECISION = 22;  // bits of Pillow's fixed-point weights

/**
 * One axis of a resize: for each pixel of the result where it begins, and its weights.
 * @param {number} from
 * @param {number} to
 * @returns {{starts: Int32Array, weights: Int32Array[]}}
 */
function axis(from, to) {
  const scale = from / to, reach = Math.max(scale, 1);
  const starts = new Int32Array(to), weights = [];
  for (let place = 0; place < to; place += 1) {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(from, Math.trunc(centre + reach + 0.5));
    const shares = [];
    for (let i = first; i < last; i += 1) {
      shares.push(Math.max(0, 1 - Math.abs((i - centre + 0.5) * (1 / reach))));
    }
    const sum = shares.reduce((total, one) => total + one, 0);
    starts[place] = first;
    weights.push(Int32Array.from(shares, (one) => Math.trunc(0.5 + (one / sum) * 2 ** PRECISION)));
  }
  return { starts, weights };
}

/**
 * A picture squashed to a square, bilinear over all pixels that a new one covers, as Pillow does.
 * @param {Uint8ClampedArray} rgba
 * @param {number} width
 * @param {number} height
 * @param {number} size
 * @returns {Uint8Array} (size, size, 3)
 */
export function resize(rgba, width, height, size) {
  const across = axis(width, size), down = axis(height, size);
  const half = 1 << (PRECISION - 1);
  const rows = new Uint8Array(height * size * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const weights = across.weights[x];
      let red = half, green = half, blue = half;
      for (let i = 0, from = (y * width + across.starts[x]) * 4; i < weights.length; i += 1, from += 4) {
        red += rgba[from] * weights[i];
        green += rgba[from + 1] * weights[i];
        blue += rgba[from + 2] * weights[i];
      }
      const to = (y * size + x) * 3;
      rows[to] = clipped(red);
      rows[to + 1] = clipped(green);
      rows[to + 2] = clipped(blue);
    }
  }
  const result = new Uint8Array(size * size * 3), stride = size * 3;
  for (let y = 0; y < size; y += 1) {
    const weights = down.weights[y];
    for (let x = 0; x < stride; x += 1) {
      let sum = half;
      for (let i = 0, from = down.starts[y] * stride + x; i < weights.length; i += 1, from += stride) {
        sum += rows[from] * weights[i];
      }
      result[y * stride + x] = clipped(sum);
    }
  }
  return result;
}

/** @param {number} sum @returns {number} */
function clipped(sum) {
  return Math.min(255, Math.max(0, sum >> PRECISION));
}

/**
 * Pixels on a network's scale.
 * @param {Uint8Array} pixels (size, size, 3)
 * @param {number[]} mean
 * @param {number[]} std
 * @returns {Float32Array} (3, size, size)
 */
export function networkInput(pixels, mean, std) {
  const plane = pixels.length / 3, input = new Float32Array(pixels.length);
  for (let channel = 0; channel < 3; channel += 1) {
    const centre = Math.fround(mean[channel]), spread = Math.fround(std[channel]);
    const shades = Float32Array.from({ length: 256 }, (_, shade) => (
      Math.fround(Math.fround(shade / 255) - centre) / spread
    ));
    for (let i = 0; i < plane; i += 1) input[channel * plane + i] = shades[pixels[3 * i + channel]];
  }
  return input;
}
