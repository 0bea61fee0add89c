// JSON as records: everything that must be there and nothing else, or a sentence as Python says it.

import { SetError } from "./download.js";

/**
 * @typedef {{
 *   plain?: string, list?: Schema, optional?: Schema, choice?: unknown[],
 *   record?: Record<string, Schema>, optional_fields?: Record<string, unknown>
 * }} Schema
 * @typedef {{
 *   name: string, version: number, word: string, phrase: string, source: string, largest_bytes: number | null
 * }} Head
 * @typedef {{head: Head, schema: Schema}} Format
 */

class Mismatch extends Error {}

/**
 * What a file says after its head, as JSON has it.
 * @param {Format} format
 * @param {string} file
 * @param {Uint8Array} content
 * @returns {Record<string, any>}
 * @throws {SetError} which calls it `file`
 */
export function valuesOf({ head }, file, content) {
  if (head.largest_bytes !== null && content.length > head.largest_bytes) {
    throw new SetError(`${file} is too large to be ${head.phrase}.`);
  }
  let values;
  try {
    values = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content));
  } catch {
    throw new SetError(`${file} is not JSON: it is truncated or another file.`);
  }
  const object = typeof values === "object" && values !== null && !Array.isArray(values);
  if (!object || values.format !== head.name) throw new SetError(`${file} is not ${head.phrase}.`);
  const { format, format_version: version, ...rest } = values;
  if (version !== head.version) {
    throw new SetError(
      `${file} has format version ${shownAs(version, 20)}; this program reads version `
      + `${head.version}. Update the program, or use ${head.source} that it wrote.`,
    );
  }
  return rest;
}

/**
 * A file's values as the record that its format describes.
 * @param {Format} format
 * @param {string} file
 * @param {Record<string, any>} values
 * @param {number} largest integer
 * @returns {any}
 */
export function recordOf({ head, schema }, file, values, largest) {
  try {
    return typed(schema, values, largest);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw new SetError(`${file} is not a valid ${head.word}: ${error.message}.`);
  }
}

/**
 * @param {Schema} schema
 * @param {any} value
 * @param {number} largest
 * @returns {any}
 */
function typed(schema, value, largest) {
  if (schema.optional) return value === null ? null : typed(schema.optional, value, largest);
  if (schema.choice) {
    if (schema.choice.includes(value)) return value;
    throw new Mismatch(`${shownAs(value)} should be one of ${schema.choice.map((one) => repr(one)).join(", ")}`);
  }
  if (schema.list) {
    if (!Array.isArray(value)) throw new Mismatch(`${shownAs(value)} should be a list`);
    const { list } = schema;
    return value.map((one) => typed(list, one, largest));
  }
  if (schema.record) return record(schema, value, largest);
  return plain(schema.plain ?? "", value, largest);
}

/** @param {Schema} schema @param {any} value @param {number} largest */
function record({ record: fields = {}, optional_fields: defaults = {} }, value, largest) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Mismatch(`${shownAs(value)} should be an object`);
  }
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(fields, name)).sort();
  if (unknown.length) throw new Mismatch(`${shownAs(unknown[0])} is unknown`);
  const missing = Object.keys(fields)
    .filter((name) => !Object.hasOwn(value, name) && !Object.hasOwn(defaults, name)).sort();
  if (missing.length) throw new Mismatch(`'${missing[0]}' is missing`);
  const read = Object.entries(value).map(([name, one]) => [name, typed(fields[name], one, largest)]);
  return { ...structuredClone(defaults), ...Object.fromEntries(read) };
}

/** @param {string} kind @param {any} value @param {number} largest */
function plain(kind, value, largest) {
  if (Number.isInteger(value) && Math.abs(value) > largest) throw new Mismatch(`${shownAs(value)} is too large`);
  const fits = { str: "string", int: "number", float: "number", bool: "boolean" }[kind] === typeof value;
  if (!fits || (kind === "int" && !Number.isInteger(value))) {
    throw new Mismatch(`${shownAs(value)} should be of type ${kind}`);
  }
  return value;
}

/**
 * A value as Python shows it, not longer than that.
 * @param {unknown} value
 * @param {number} most
 * @returns {string}
 */
export function shownAs(value, most = 40) {
  return [...repr(value)].slice(0, most).join("");
}

/** @param {any} value @returns {string} */
function repr(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(repr).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([name, one]) => `${quoted(name)}: ${repr(one)}`).join(", ")}}`;
  }
  return String(value);
}

/** @param {string} text @returns {string} */
function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const short = /** @type {Record<string, string>} */ ({ "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" });
  const inside = [...text].map((one) => {
    if (Object.hasOwn(short, one)) return short[one];
    if (one === mark) return `\\${one}`;
    const code = one.codePointAt(0) ?? 0;
    if (one === " " || !/[\p{C}\p{Z}]/u.test(one)) return one;
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return mark + inside.join("") + mark;
}
