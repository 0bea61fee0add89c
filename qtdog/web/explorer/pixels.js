// How a picture enters a network: the same numbers as in the package.

/** @typedef {import("./filters.js").Rgb} Rgb */

const PRECISION = 22;  // bits of Pillow's fixed-point weights
const BILINEAR = { reach: 1, share: (/** @type {number} */ at) => Math.max(0, 1 - Math.abs(at)) };
const BICUBIC = {
  reach: 2,
  share(/** @type {number} */ at) {
    const x = Math.abs(at);
    if (x < 1) return ((-0.5 + 2) * x - (-0.5 + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
  },
};

/**
 * One axis of a resize: for each pixel of the result where it begins, and its weights.
 * @param {number} from
 * @param {number} to
 * @param {{reach: number, share: (at: number) => number}} kernel
 * @returns {{starts: Int32Array, weights: Int32Array[]}}
 */
function axis(from, to, kernel) {
  const scale = from / to, wide = Math.max(scale, 1), reach = kernel.reach * wide;
  const starts = new Int32Array(to), weights = [];
  for (let place = 0; place < to; place += 1) {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(from, Math.trunc(centre + reach + 0.5));
    const shares = [];
    for (let i = first; i < last; i += 1) shares.push(kernel.share((i - centre + 0.5) * (1 / wide)));
    const sum = shares.reduce((total, one) => total + one, 0);
    starts[place] = first;
    weights.push(Int32Array.from(shares, (one) => {
      const fixed = (one / sum) * 2 ** PRECISION;
      return Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }));
  }
  return { starts, weights };
}

/**
 * A picture at another size, over all pixels that a new one covers, as Pillow does.
 * @param {Rgb} image
 * @param {number} toWidth
 * @param {number} toHeight
 * @param {typeof BILINEAR} kernel
 * @returns {Rgb}
 */
function resampled({ data, width, height }, toWidth, toHeight, kernel) {
  const across = axis(width, toWidth, kernel), down = axis(height, toHeight, kernel);
  const half = 1 << (PRECISION - 1);
  const rows = new Uint8Array(height * toWidth * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < toWidth; x += 1) {
      const weights = across.weights[x];
      let red = half, green = half, blue = half;
      for (let i = 0, from = (y * width + across.starts[x]) * 3; i < weights.length; i += 1, from += 3) {
        red += data[from] * weights[i];
        green += data[from + 1] * weights[i];
        blue += data[from + 2] * weights[i];
      }
      const to = (y * toWidth + x) * 3;
      rows[to] = clipped(red);
      rows[to + 1] = clipped(green);
      rows[to + 2] = clipped(blue);
    }
  }
  const stride = toWidth * 3, result = new Uint8Array(toHeight * stride);
  for (let y = 0; y < toHeight; y += 1) {
    const weights = down.weights[y];
    for (let x = 0; x < stride; x += 1) {
      let sum = half;
      for (let i = 0, from = down.starts[y] * stride + x; i < weights.length; i += 1, from += stride) {
        sum += rows[from] * weights[i];
      }
      result[y * stride + x] = clipped(sum);
    }
  }
  return { data: result, width: toWidth, height: toHeight };
}

/** @param {number} sum @returns {number} */
function clipped(sum) {
  return Math.min(255, Math.max(0, sum >> PRECISION));
}

/**
 * A picture squashed to a square, bilinear.
 * @param {Rgb} image
 * @param {number} size
 * @returns {Uint8Array} (size, size, 3)
 */
export function resize(image, size) {
  return resampled(image, size, size, BILINEAR).data;
}

/**
 * A picture at most that long, bicubic; smaller ones stay as they are.
 * @param {Rgb} image
 * @param {number} most
 * @returns {Rgb}
 */
export function shrink(image, most) {
  const { width, height } = image;
  if (Math.max(width, height) <= most) return image;
  const size = width > height ? [most, Math.round((height / width) * most)] : [Math.round((width / height) * most), most];
  return resampled(image, Math.max(1, size[0]), Math.max(1, size[1]), BICUBIC);
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
