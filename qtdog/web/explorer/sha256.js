// SHA-256. Browsers offer it on secure addresses alone; over plain http this does it.

/** The first 32 bits of the fractional parts of cube roots of the first 64 primes. */
const ROUNDS = fractions(64, 1 / 3);
const START = fractions(8, 1 / 2);

/**
 * The SHA-256 of some bytes, in hexadecimal.
 * @param {Uint8Array} bytes
 * @returns {Promise<string>}
 */
export async function sha256(bytes) {
  const digest = globalThis.crypto?.subtle
    ? new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (bytes)))
    : computed(bytes);
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The digest, computed here (FIPS 180-4).
 * @param {Uint8Array} bytes
 * @returns {Uint8Array}
 */
export function computed(bytes) {
  const blocks = Math.ceil((bytes.length + 9) / 64);
  const padded = new Uint8Array(blocks * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0);
  const state = Uint32Array.from(START);
  const words = new Uint32Array(64);
  for (let place = 0; place < padded.length; place += 64) mix(state, words, view, place);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, index) => digest.setUint32(4 * index, word));
  return new Uint8Array(digest.buffer);
}

/**
 * One block of 64 bytes into the state.
 * @param {Uint32Array} state
 * @param {Uint32Array} words
 * @param {DataView} view
 * @param {number} place
 */
function mix(state, words, view, place) {
  for (let i = 0; i < 16; i += 1) words[i] = view.getUint32(place + 4 * i);
  for (let i = 16; i < 64; i += 1) {
    const early = words[i - 15], late = words[i - 2];
    const one = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
    const two = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
    words[i] = words[i - 16] + one + words[i - 7] + two;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const high = (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g));
    const first = (h + high + ROUNDS[i] + words[i]) | 0;
    const second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => { state[index] += word; });
}

/** @param {number} word @param {number} by @returns {number} */
function turn(word, by) {
  return (word >>> by) | (word << (32 - by));
}

/** @param {number} count @param {number} power @returns {Uint32Array} */
function fractions(count, power) {
  const found = [];
  for (let number = 2; found.length < count; number += 1) {
    let prime = true;
    for (let factor = 2; factor * factor <= number; factor += 1) prime &&= number % factor !== 0;
    if (prime) found.push((number ** power % 1) * 2 ** 32);
  }
  return Uint32Array.from(found, Math.floor);
}
