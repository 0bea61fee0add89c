// Integer codes, packed at exactly b bits a weight, and the weights that they stand for.

/**
 * @param {number} count
 * @param {number} bits
 * @returns {number} bytes that so many codes take
 */
export function packedSize(count, bits) {
  return Math.floor((count * bits + 7) / 8);
}

/**
 * Codes from a little-endian bit stream in two's complement: code i takes bits i b to (i + 1) b - 1.
 * @param {Uint8Array} packed
 * @param {number} bits 2 to 8
 * @param {number} count
 * @returns {Int8Array}
 */
export function unpack(packed, bits, count) {
  const codes = new Int8Array(count);
  const mask = (1 << bits) - 1, shift = 32 - bits;
  let word = 0, held = 0, place = 0;
  for (let i = 0; i < count; i += 1) {
    while (held < bits) {
      word |= packed[place] << held;
      place += 1;
      held += 8;
    }
    codes[i] = ((word & mask) << shift) >> shift;
    word >>>= bits;
    held -= bits;
  }
  return codes;
}

/**
 * The smallest and the largest code that stands for something.
 * @param {string | null} quantizer
 * @param {number} bits
 * @returns {[number, number]}
 */
export function codeRange(quantizer, bits) {
  return quantizer === "inq"
    ? [-(2 ** (bits - 2)), 2 ** (bits - 2)]
    : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/**
 * Weights, step size times level of code, written into `into` from `start` on. The level of a code
 * is the code; with "inq" that of ±j is ±2^(j-1).
 * @param {Int8Array} codes
 * @param {Float32Array} steps one a channel, or one in all
 * @param {number} channels
 * @param {string | null} quantizer
 * @param {Float32Array} into
 * @param {number} start
 */
export function decode(codes, steps, channels, quantizer, into, start) {
  const each = codes.length / channels;
  for (let channel = 0; channel < channels; channel += 1) {
    const step = steps[steps.length === 1 ? 0 : channel];
    for (let i = channel * each; i < (channel + 1) * each; i += 1) {
      const code = codes[i];
      const level = quantizer === "inq" && code ? Math.sign(code) * 2 ** (Math.abs(code) - 1) : code;
      into[start + i] = level * step;
    }
  }
}
