// The records that a set's files hold, checked before anything is done with them.

import { SetError } from "./download.js";

/** @typedef {import("./manifest.js").Config} Config */
/** @typedef {import("./download.js").FileHash} FileHash */

/**
 * @param {string} name
 * @param {Uint8Array} content
 * @returns {{path: string, files: FileHash[]}[]}
 */
export function parsedIndex(name, content) {
  return parsed(name, content).checkpoints;
}

/**
 * @param {string} name
 * @param {Uint8Array} content
 * @returns {Config}
 */
export function parsedConfig(name, content) {
  const config = parsed(name, content);
  if (config.bits === 32) config.quantizer = null;
  return config;
}

/** @param {string} name @param {Uint8Array} content @returns {any} */
function parsed(name, content) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch {
    throw new SetError(`${name} is not JSON: it is truncated or another file.`);
  }
}
