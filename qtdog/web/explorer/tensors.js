// A safetensors file: names, types and shapes, checked before any number is used.

/**
 * @typedef {{dtype: string, shape: number[], bytes: Uint8Array}} Tensor
 */

const BYTES = /** @type {Record<string, number>} */ ({
  BOOL: 1, U8: 1, I8: 1, I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8,
});
const LARGEST_HEADER = 100_000_000;

/**
 * The tensors of a file, by name.
 * @param {Uint8Array} bytes
 * @returns {Map<string, Tensor>}
 * @throws {RangeError} for what is no such file
 */
export function tensorsOf(bytes) {
  if (bytes.length < 8) throw new RangeError("it has no header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > LARGEST_HEADER || length > bytes.length - 8) throw new RangeError("its header is too long");
  const header = parsed(bytes.subarray(8, 8 + length));
  const data = bytes.subarray(8 + length);
  const found = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => /** @type {[string, any]} */ ([name, checked(name, entry)]))
    .sort(([, one], [, other]) => one.begin - other.begin || one.end - other.end);
  let end = 0;
  for (const [name, entry] of found) {
    if (entry.begin !== end) throw new RangeError(`'${name}' does not begin where the one before ends`);
    end = entry.end;
  }
  if (end !== data.length) throw new RangeError("its tensors are not all of the file");
  return new Map(found.map(([name, { dtype, shape, begin, end: until }]) => (
    [name, { dtype, shape, bytes: data.subarray(begin, until) }]
  )));
}

/** @param {Uint8Array} bytes @returns {Record<string, any>} */
function parsed(bytes) {
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new RangeError("its header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new RangeError("its header is not an object");
  }
  return header;
}

/** @param {string} name @param {any} entry */
function checked(name, entry) {
  const whole = (/** @type {unknown} */ one) => Number.isSafeInteger(one) && Number(one) >= 0;
  const { dtype, shape, data_offsets: offsets } = entry ?? {};
  if (!Object.hasOwn(BYTES, dtype)) throw new RangeError(`'${name}' is of an unknown type`);
  if (!Array.isArray(shape) || !shape.every(whole)) throw new RangeError(`'${name}' has no shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole)) {
    throw new RangeError(`'${name}' has no place`);
  }
  const [begin, end] = offsets;
  if (end - begin !== shape.reduce((product, side) => product * side, BYTES[dtype])) {
    throw new RangeError(`'${name}' has another size than its shape`);
  }
  return { dtype, shape, begin, end };
}

/**
 * The numbers of a float32 or float16 tensor.
 * @param {Tensor} tensor
 * @returns {Float32Array}
 */
export function floatsOf(tensor) {
  const copy = tensor.bytes.slice().buffer;  // as views need it, aligned
  if (tensor.dtype === "F32") return new Float32Array(copy);
  return Float32Array.from(new Uint16Array(copy), halfToFloat);
}

/** @param {number} half the bits of a float16 @returns {number} */
export function halfToFloat(half) {
  const sign = half & 0x8000 ? -1 : 1, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

/**
 * The nearest float16 of a number, ties to even, as a number; beyond its range an infinity.
 * @param {number} value
 * @returns {number}
 */
export function roundedToHalf(value) {
  const magnitude = Math.abs(value);
  if (magnitude === 0 || !Number.isFinite(value)) return value;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const unit = 2 ** (exponent - 10);
  const steps = magnitude / unit;
  const low = Math.floor(steps), rest = steps - low;
  const rounded = (rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low) * unit;
  return Math.sign(value) * (rounded >= 65520 ? Infinity : rounded);
}
