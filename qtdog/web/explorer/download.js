// Files of the folder: fetched with a count of bytes, checked by their hash, kept for the next visit.

import { sha256 } from "./sha256.js";

/**
 * What a file must be, by its path from the folder.
 * @typedef {{path: string, sha256: string, size_bytes: number}} FileHash
 */

export const KEPT = "qtdog-files";
const DIGITS = 16;

/** Something that cannot be used, in one sentence. */
export class SetError extends Error {}

/**
 * The address of a file. It names the content, so that another content is another address.
 * @param {string} base
 * @param {FileHash} file
 * @returns {string}
 */
export function addressOf(base, file) {
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  return new URL(`${path}?sha256=${file.sha256.slice(0, DIGITS)}`, base).href;
}

/**
 * A file's bytes: those that were kept if they are still right, else fetched, twice if need be.
 * @param {string} base address of the folder
 * @param {FileHash} file
 * @param {(done: number) => void} progress hears how many bytes are there
 * @param {string} by which file says what its hash is
 * @returns {Promise<Uint8Array>}
 * @throws {SetError}
 */
export async function fetchFile(base, file, progress = () => {}, by = "the index") {
  const address = addressOf(base, file);
  const cache = await openCache();
  const kept = cache && (await cache.match(address).catch(() => undefined));
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if (!(await whatIsWrong(bytes, file, by))) {
      progress(bytes.length);
      return bytes;
    }
    await cache.delete(address);
  }
  let wrong = "";
  for (const mode of /** @type {RequestCache[]} */ (["default", "reload"])) {
    const bytes = await received(address, file, mode, progress);
    wrong = await whatIsWrong(bytes, file, by);
    if (!wrong) {
      await keep(cache, address, bytes);
      return bytes;
    }
  }
  throw new SetError(wrong);
}

/**
 * Whether a file is kept, so that it needs no network.
 * @param {string} base
 * @param {FileHash} file
 * @returns {Promise<boolean>}
 */
export async function isKept(base, file) {
  const cache = await openCache();
  return Boolean(cache && (await cache.match(addressOf(base, file))));
}

/** @returns {Promise<Cache | null>} */
async function openCache() {
  try {
    return await caches.open(KEPT);
  } catch {  // not on plain http, and not where storage is forbidden: every visit downloads
    return null;
  }
}

/** @param {Cache | null} cache @param {string} address @param {Uint8Array} bytes */
async function keep(cache, address, bytes) {
  try {
    await cache?.put(address, new Response(/** @type {BodyInit} */ (/** @type {unknown} */ (bytes))));
  } catch {  // the disk is full: the next visit downloads again
  }
}

/**
 * What a server sends, at most one byte more than the file should have.
 * @param {string} address
 * @param {FileHash} file
 * @param {RequestCache} mode
 * @param {(done: number) => void} progress
 * @returns {Promise<Uint8Array>}
 */
async function received(address, file, mode, progress) {
  const bytes = new Uint8Array(file.size_bytes + 1);
  let done = 0;
  try {
    const response = await fetch(address, { cache: mode });
    if (response.status === 404) throw new SetError(`${file.path} is missing.`);
    if (!response.ok || !response.body) {
      throw new SetError(`${file.path} cannot be read: the server answers ${response.status}.`);
    }
    const reader = response.body.getReader();
    for (;;) {
      const { done: ended, value } = await reader.read();
      if (ended) break;
      const fitting = value.subarray(0, bytes.length - done);
      bytes.set(fitting, done);
      done += fitting.length;
      progress(Math.min(done, file.size_bytes));
      if (done === bytes.length) {
        await reader.cancel();
        break;
      }
    }
  } catch (error) {
    if (error instanceof SetError) throw error;
    if (done === 0 && mode === "reload") {
      throw new SetError(`${file.path} cannot be read: the network does not answer.`);
    }
  }
  return bytes.subarray(0, done);
}

/**
 * @param {Uint8Array} bytes
 * @param {FileHash} file
 * @param {string} by
 * @returns {Promise<string>} one sentence, or nothing
 */
async function whatIsWrong(bytes, file, by) {
  if (bytes.length !== file.size_bytes) {
    const size = bytes.length > file.size_bytes ? "more bytes" : `${bytes.length.toLocaleString("en")} bytes`;
    return `${file.path} has ${size} instead of ${file.size_bytes.toLocaleString("en")}: `
      + "it is truncated or another file.";
  }
  if ((await sha256(bytes)) !== file.sha256) {
    return `${file.path} was changed: its SHA-256 is not the one in ${by}.`;
  }
  return "";
}
