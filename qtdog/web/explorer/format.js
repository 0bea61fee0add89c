// A set's index and its checkpoints' configs, checked before anything is done with them.

import { SetError } from "./download.js";
import { recordOf, shownAs, valuesOf } from "./records.js";

/** @typedef {import("./manifest.js").Config} Config */
/** @typedef {import("./manifest.js").Formats} Formats */
/** @typedef {import("./download.js").FileHash} FileHash */
/** @typedef {{path: string, files: FileHash[]}} Entry */

const CONFIG = "config.json", MODEL = "model.safetensors";
const NAME = /^[\p{L}\p{N}_ +=@-][\p{L}\p{N}_ .+=@-]*$/u;
const LONGEST_NAME = 100;

/**
 * The checkpoints that an index lists.
 * @param {string} name of the file
 * @param {Uint8Array} content
 * @param {Formats} formats
 * @returns {Entry[]}
 * @throws {SetError}
 */
export function parsedIndex(name, content, formats) {
  const values = valuesOf(formats.index, name, content);
  const { checkpoints } = recordOf(formats.index, name, values, formats.largest_integer);
  if (!checkpoints.length || checkpoints.length > formats.most_checkpoints) {
    const most = formats.most_checkpoints.toLocaleString("en");
    throw new SetError(`${name} must list between 1 and ${most} checkpoints.`);
  }
  const seen = new Set();
  for (const entry of checkpoints) {
    checkEntry(name, entry, seen);
    for (const file of entry.files) checkFile(name, entry, file, formats);
  }
  return checkpoints;
}

/** @param {string} name @param {Entry} entry @param {Set<string>} seen */
function checkEntry(name, entry, seen) {
  const path = shownAs(entry.path, 80), parts = entry.path.split("/");
  if (parts.length !== 3 || !parts.every(isPlain)) {
    throw new SetError(`${name} has the path ${path}; it must be dataset/target/checkpoint.`);
  }
  if (seen.has(entry.path.toLowerCase())) throw new SetError(`${name} lists ${path} twice.`);
  seen.add(entry.path.toLowerCase());
  const names = entry.files.map((file) => file.path).join("\n");
  if (names !== CONFIG && names !== `${CONFIG}\n${MODEL}`) {
    throw new SetError(`${name} lists other files in ${path} than ${CONFIG} and ${MODEL}.`);
  }
}

/** @param {string} name @param {Entry} entry @param {FileHash} file @param {Formats} formats */
function checkFile(name, entry, file, formats) {
  const path = shownAs(entry.path, 80), most = formats.largest_bytes[file.path];
  if (!(file.size_bytes > 0 && file.size_bytes <= most)) {
    throw new SetError(
      `${name} says that ${file.path} in ${path} has ${file.size_bytes.toLocaleString("en")} bytes; at `
      + `most ${most.toLocaleString("en")} are read.`,
    );
  }
  if (!/^[0-9a-f]{64}$/.test(file.sha256)) {
    throw new SetError(`${name} has no SHA-256 of ${file.path} in ${path}.`);
  }
}

/** @param {string} part @returns {boolean} whether it is one folder's name */
function isPlain(part) {
  return part.length <= LONGEST_NAME && NAME.test(part) && !/[. ]$/.test(part);
}

/**
 * A checkpoint's config.
 * @param {string} name of the file
 * @param {Uint8Array} content
 * @param {Formats} formats
 * @returns {Config}
 * @throws {SetError}
 */
export function parsedConfig(name, content, formats) {
  const values = valuesOf(formats.config, name, content);
  if (typeof values.training?.augmentation === "string") values.training.augmentation = null;
  const config = recordOf(formats.config, name, values, formats.largest_integer);
  const known = /** @type {[string, string[]][]} */ ([
    ["method", formats.methods], ["objective", formats.objectives], ["averaging", formats.averagings],
  ]);
  for (const [field, words] of known) unless(words.includes(config[field]), name, field, config[field]);
  if (config.bits !== 32 && !(config.bits >= 2 && config.bits <= 8)) {
    throw new SetError(`${name} has an impossible bit width, ${shownAs(config.bits, 20)}.`);
  }
  if (config.bits === 32) config.quantizer = null;
  else unless(formats.quantizers.includes(config.quantizer), name, "quantizer", config.quantizer);
  if (config.classes.length < 2 || !(config.image_size >= 1 && config.image_size <= 4096)) {
    throw new SetError(`${name} has too few classes or an impossible image size.`);
  }
  for (const field of ["mean", "std"]) {
    if (config[field].length !== 3 || !config[field].every(Number.isFinite)) {
      throw new SetError(`${name} needs three finite numbers as '${field}'.`);
    }
  }
  if (Math.min(...config.std) <= 0) throw new SetError(`${name} has an 'std' that is not positive.`);
  return config;
}

/** @param {boolean} fine @param {string} name @param {string} field @param {unknown} value */
function unless(fine, name, field, value) {
  if (!fine) throw new SetError(`${name} has the unknown ${field} ${shownAs(value)}.`);
}
