/**
 * Random numbers that a seed, a stream and a place decide, as in qtdog/toy/draws.py: a seed has the
 * same points, start, batches and noise in torch and in every browser.
 */

/** What the numbers are for. */
export const START = 0, ANGLES = 1, SCATTER = 2, THIRD = 3, BATCHES = 4, NOISE = 5, MOVES = 6, SURFACE = 7;

const GOLDEN = 0x9e3779b9, FIRST = 0x85ebca6b, SECOND = 0xc2b2ae35;

/** MurmurHash3's last step: every bit of the result hangs on every bit of the value. @param {number} value */
function mix(value) {
  value = Math.imul(value ^ (value >>> 16), FIRST);
  value = Math.imul(value ^ (value >>> 13), SECOND);
  return value ^ (value >>> 16);
}

/**
 * The numbers of one seed and stream.
 * @param {number} seed  @param {number} stream
 */
export function stream(seed, stream) {
  const key = mix((mix(seed ^ GOLDEN) + Math.imul(stream, FIRST)) | 0);
  /** Between 0 and 1, both left out. */
  const uniform = (/** @type {number} */ place) =>
    ((mix(mix((key + Math.imul(place, GOLDEN)) | 0) ^ key) >>> 0) + 0.5) / 4294967296;
  /** Of mean 0 and deviation 1, by Box and Muller's formula. */
  const normal = (/** @type {number} */ place) =>
    Math.sqrt(-2 * Math.log(uniform(2 * place))) * Math.cos(2 * Math.PI * uniform(2 * place + 1));
  return { uniform, normal };
}
