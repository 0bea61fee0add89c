// The picture operations that shifts are made of, with Pillow's arithmetic to the last bit where told.

/**
 * RGB, three bytes a pixel.
 * @typedef {{data: Uint8Array, width: number, height: number}} Rgb
 */

/**
 * @param {Rgb} like
 * @param {Uint8Array} data
 * @returns {Rgb}
 */
export function withPixels({ width, height }, data) {
  return { data, width, height };
}

/** @param {Rgb} image @returns {Uint8Array} shades of grey, ITU-R 601 luma */
export function greyOf({ data }) {
  return Uint8Array.from({ length: data.length / 3 }, (_, i) => (
    (data[3 * i] * 19595 + data[3 * i + 1] * 38470 + data[3 * i + 2] * 7471 + 0x8000) >> 16
  ));
}

/** @param {Uint8Array} grey @returns {Uint8Array} the same in RGB */
export function rgbOf(grey) {
  return Uint8Array.from({ length: grey.length * 3 }, (_, i) => grey[Math.floor(i / 3)]);
}

/**
 * Between two pictures, or beyond the second.
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 * @param {number} share
 * @returns {Uint8Array}
 */
export function blend(one, other, share) {
  const alpha = Math.fround(share);
  return one.map((from, i) => {
    const mixed = Math.fround(from + Math.fround(alpha * (other[i] - from)));
    return mixed <= 0 ? 0 : mixed >= 255 ? 255 : Math.trunc(mixed);
  });
}

/**
 * One line under a box of a radius that need not be whole: pixels at its ends count in part.
 * @param {Uint8Array} data
 * @param {number} start
 * @param {number} stride
 * @param {number} length
 * @param {number} wide the radius
 * @param {Uint8Array} line as long, for the result
 */
function boxLine(data, start, stride, length, wide, line) {
  const radius = Math.floor(wide), last = length - 1;
  const whole = Math.trunc(2 ** 24 / Math.fround(wide * 2 + 1));
  const part = Math.trunc((2 ** 24 - (radius * 2 + 1) * whole) / 2);
  const at = (/** @type {number} */ i) => data[start + stride * (i < 0 ? 0 : i > last ? last : i)];
  let sum = 0;
  for (let i = -radius; i <= radius; i += 1) sum += at(i);
  for (let i = 0; i < length; i += 1) {
    line[i] = Math.floor((sum * whole + (at(i - radius - 1) + at(i + radius + 1)) * part + 2 ** 23) / 2 ** 24);
    sum += at(i + radius + 1) - at(i - radius);
  }
  for (let i = 0; i < length; i += 1) data[start + stride * i] = line[i];
}

/**
 * A box blur, some times over, along rows and then along columns.
 * @param {Uint8Array} data
 * @param {number} width
 * @param {number} height
 * @param {number} radius
 * @param {number} times
 * @returns {Uint8Array}
 */
export function boxBlur(data, width, height, radius, times = 1) {
  const result = data.slice(), bands = data.length / (width * height);
  const line = new Uint8Array(Math.max(width, height));
  if (radius === 0) return result;
  for (let band = 0; band < bands; band += 1) {
    for (let y = 0; y < height; y += 1) {
      for (let n = 0; n < times; n += 1) boxLine(result, y * width * bands + band, bands, width, radius, line);
    }
    for (let x = 0; x < width; x += 1) {
      for (let n = 0; n < times; n += 1) boxLine(result, x * bands + band, width * bands, height, radius, line);
    }
  }
  return result;
}

/**
 * A Gaussian blur, made of three box blurs.
 * @param {Uint8Array} data
 * @param {number} width
 * @param {number} height
 * @param {number} deviation
 * @returns {Uint8Array}
 */
export function gaussianBlur(data, width, height, deviation) {
  const f = Math.fround, sigma2 = f(f(f(deviation) * f(deviation)) / 3);
  const ideal = f(Math.sqrt(12 * sigma2 + 1));
  const whole = Math.floor((ideal - 1) / 2);
  const part = f(f((2 * whole + 1) * (whole * (whole + 1) - 3 * sigma2)) / (6 * (sigma2 - (whole + 1) ** 2)));
  return boxBlur(data, width, height, f(whole + part), 3);
}

/**
 * Few colours: those of the fullest cells of a coarse cube; all other pixels take the first of them.
 * (What Pillow's fast octree does as long as a picture has more coarse cells than colours.)
 * @param {Uint8Array} data RGB
 * @param {number} colours
 * @returns {Uint8Array}
 */
export function fewColours(data, colours) {
  const fine = cube(data, 4), coarse = cube(data, 2);
  const used = [...coarse.keys()];
  let coarseCount = Math.min(used.length, colours);
  const fineOrder = ordered(fine);
  let taken = 0;
  for (;;) {  // colours that coarse cells leave over go to the fullest fine cells
    const fineCount = colours - coarseCount;
    for (; taken < Math.min(fineCount, fineOrder.length); taken += 1) subtract(coarse, fineOrder[taken]);
    const left = [...coarse.values()].filter((one) => one.count > 0).length;
    if (coarseCount <= left) break;
    coarseCount = left;
  }
  const chosen = [
    ...ordered(coarse).slice(0, coarseCount).map((cell) => ({ cell, bits: 2 })),
    ...fineOrder.slice(0, colours - coarseCount).map((cell) => ({ cell, bits: 4 })),
  ];
  const palette = chosen.map(({ cell }) => cell.sums.map((sum) => Math.min(255, Math.trunc(sum / cell.count))));
  const places = new Map(chosen.map(({ bits }, i) => [bits * 4096 + key(palette[i], 0, bits), i]));
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const place = places.get(4 * 4096 + key(data, i, 4)) ?? places.get(2 * 4096 + key(data, i, 2)) ?? 0;
    result.set(palette[place], i);
  }
  return result;
}

/** @typedef {{key: number, bits: number, count: number, sums: number[]}} Cell */

/** @param {ArrayLike<number>} data @param {number} i @param {number} bits @returns {number} */
function key(data, i, bits) {
  const shift = 8 - bits;
  return ((data[i] >> shift) << (2 * bits)) | ((data[i + 1] >> shift) << bits) | (data[i + 2] >> shift);
}

/** @param {Uint8Array} data @param {number} bits @returns {Map<number, Cell>} */
function cube(data, bits) {
  const cells = /** @type {Map<number, Cell>} */ (new Map());
  for (let i = 0; i < data.length; i += 3) {
    const place = key(data, i, bits);
    const cell = cells.get(place) ?? { key: place, bits, count: 0, sums: [0, 0, 0] };
    cell.count += 1;
    for (let band = 0; band < 3; band += 1) cell.sums[band] += data[i + band];
    cells.set(place, cell);
  }
  return cells;
}

/** @param {Map<number, Cell>} cells @returns {Cell[]} the fullest first */
function ordered(cells) {
  return [...cells.values()].sort((one, other) => other.count - one.count || one.key - other.key);
}

/** @param {Map<number, Cell>} coarse @param {Cell} fine */
function subtract(coarse, fine) {
  const average = fine.sums.map((sum) => Math.min(255, Math.trunc(sum / fine.count)));
  const cell = coarse.get(key(average, 0, 2));
  if (!cell) return;
  cell.count -= fine.count;
  fine.sums.forEach((sum, band) => { cell.sums[band] -= sum; });
}

/**
 * Every colour turned along the colour wheel.
 * @param {Uint8Array} data RGB
 * @param {number} by of 256
 * @returns {Uint8Array}
 */
export function turnedHue(data, by) {
  const result = new Uint8Array(data.length), f = Math.fround;
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i], green = data[i + 1], blue = data[i + 2];
    const most = Math.max(red, green, blue), least = Math.min(red, green, blue);
    let hue = 0, saturation = 0;
    if (most !== least) {
      const range = f(most - least);
      const [r, g, b] = [red, green, blue].map((one) => f(f(most - one) / range));
      const sector = red === most ? f(b - g) : green === most ? f(2 + r - b) : f(4 + g - r);
      hue = Math.trunc(f((sector / 6 + 1) % 1) * 255);
      saturation = Math.trunc(f(range / f(most)) * 255);
    }
    result.set(fromHsv(roundHalfEven(hue + by) % 256, saturation, most), i);
  }
  return result;
}

/** @param {number} hue @param {number} saturation @param {number} value @returns {number[]} */
function fromHsv(hue, saturation, value) {
  if (!saturation) return [value, value, value];
  const f = Math.fround;
  const sixth = f((hue * 6) / 255), sector = Math.floor(sixth), rest = f(sixth - sector);
  const share = f(saturation / 255);
  const p = Math.round(value * (1 - share)), q = Math.round(value * (1 - share * rest));
  const t = Math.round(value * (1 - share * (1 - rest)));
  return [
    [value, t, p], [q, value, p], [p, value, t], [p, q, value], [t, p, value], [value, p, q],
  ][sector % 6].map((one) => Math.min(255, Math.max(0, one)));
}

/**
 * Turned counter-clockwise about the centre, bicubic; outside lies one colour.
 * @param {Rgb} image
 * @param {number} degrees
 * @param {number[]} fill
 * @returns {Uint8Array}
 */
export function rotated({ data, width, height }, degrees, fill) {
  const angle = -(degrees * Math.PI) / 180, tidy = (/** @type {number} */ one) => Number(one.toFixed(15));
  const cos = tidy(Math.cos(angle)), sin = tidy(Math.sin(angle));
  const [middleX, middleY] = [width / 2, height / 2];
  const shiftX = cos * -middleX + sin * -middleY + middleX;
  const shiftY = -sin * -middleX + cos * -middleY + middleY;
  const result = new Uint8Array(data.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const fromX = cos * (x + 0.5) + sin * (y + 0.5) + shiftX;
      const fromY = -sin * (x + 0.5) + cos * (y + 0.5) + shiftY;
      const inside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height;
      const at = 3 * (y * width + x);
      for (let band = 0; band < 3; band += 1) {
        result[at + band] = inside ? bicubic(data, width, height, band, fromX - 0.5, fromY - 0.5) : fill[band];
      }
    }
  }
  return result;
}

/** @param {Uint8Array} data @param {number} width @param {number} height @param {number} band @param {number} x @param {number} y */
function bicubic(data, width, height, band, x, y) {
  const left = Math.floor(x), top = Math.floor(y);
  const inside = (/** @type {number} */ one, /** @type {number} */ most) => Math.min(most - 1, Math.max(0, one));
  const columns = [-1, 0, 1, 2].map((one) => 3 * inside(left + one, width) + band);
  const rows = [-1, 0, 1, 2].map((one) => {
    const row = 3 * width * inside(top + one, height);
    return cubic(columns.map((column) => data[row + column]), x - left);
  });
  const value = cubic(rows, y - top);
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
}

/** @param {number[]} values four @param {number} d between the second and the third @returns {number} */
function cubic([a, b, c, d4], d) {
  return b + d * (-a + c + d * (2 * (a - b) + c - d4 + d * (-a + b - c + d4)));
}

/** @param {number} value @returns {number} as Python rounds */
export function roundHalfEven(value) {
  const low = Math.floor(value), rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}
