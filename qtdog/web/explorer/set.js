// A checkpoint set in the folder: its index, configs and weights, each checked against the one before.

import { fetchFile, SetError } from "./download.js";
import { parsedConfig, parsedIndex } from "./format.js";
import { shownAs } from "./records.js";

/** @typedef {import("./download.js").FileHash} FileHash */
/** @typedef {import("./manifest.js").Config} Config */
/** @typedef {import("./manifest.js").Formats} Formats */

/**
 * A checkpoint's config, and those of its members.
 * @typedef {{path: string, config: Config, members: Checkpoint[], sizeBytes: number}} Checkpoint
 */

const CONFIG = "config.json", MODEL = "model.safetensors";

export class CheckpointSet {
  /**
   * @param {string} base the set's address
   * @param {Map<string, Map<string, FileHash>>} files by checkpoint and name
   * @param {Formats} formats
   */
  constructor(base, files, formats) {
    this.base = base;
    this.files = files;
    this.formats = formats;
    this.known = /** @type {Map<string, Promise<Checkpoint>>} */ (new Map());
  }

  /**
   * The set whose index that file is.
   * @param {string} base the folder's address
   * @param {FileHash} index
   * @param {Formats} formats
   * @returns {Promise<CheckpointSet>}
   */
  static async open(base, index, formats) {
    const content = await fetchFile(base, index, () => {}, "the manifest");
    return CheckpointSet.of(new URL(index.path, base).href, content, formats);
  }

  /**
   * @param {string} address of the index
   * @param {Uint8Array} content
   * @param {Formats} formats
   */
  static of(address, content, formats) {
    const entries = parsedIndex("index.json", content, formats);
    const files = new Map(entries.map((entry) => (
      [entry.path, new Map(entry.files.map((file) => [file.path, { ...file, path: `${entry.path}/${file.path}` }]))]
    )));
    return new CheckpointSet(new URL(".", address).href, files, formats);
  }

  /**
   * A checkpoint without its weights.
   * @param {string} path "dataset/target/checkpoint"
   * @returns {Promise<Checkpoint>}
   */
  checkpoint(path) {
    const known = this.known.get(path) ?? this.read(path);
    this.known.set(path, known);
    known.catch(() => this.known.delete(path));
    return known;
  }

  /**
   * The file of a single network's weights.
   * @param {Checkpoint} checkpoint
   * @returns {FileHash}
   */
  weights({ path, config }) {
    const listed = this.file(path, MODEL);
    const named = config.files.length === 1 && config.files[0].path === MODEL ? config.files[0] : null;
    if (!named) throw new SetError(`${path}/${CONFIG} does not say what ${MODEL} must be.`);
    if (named.size_bytes !== listed.size_bytes) {
      throw new SetError(
        `${listed.path} has ${listed.size_bytes.toLocaleString("en")} bytes instead of `
        + `${named.size_bytes.toLocaleString("en")}: it is truncated or another file.`,
      );
    }
    if (named.sha256 !== listed.sha256) {
      throw new SetError(`${listed.path} was changed: its SHA-256 is not the one in the config.`);
    }
    return listed;
  }

  /** @param {string} path @param {string} name @returns {FileHash} */
  file(path, name) {
    const file = this.files.get(path)?.get(name);
    if (!file) throw new SetError(`${path}/${name} is missing.`);
    return file;
  }

  /**
   * A member of an ensemble: read anew, for an ensemble that names itself would wait for itself.
   * @param {string} path
   * @returns {Promise<Checkpoint>}
   */
  async member(path) {
    const name = `${path}/${CONFIG}`;
    const config = parsedConfig(name, await fetchFile(this.base, this.file(path, CONFIG)), this.formats);
    if (config.method === "eoq") throw new SetError(`${name} is a member and an ensemble itself.`);
    return this.checkpoint(path);
  }

  /** @param {string} path @returns {Promise<Checkpoint>} */
  async read(path) {
    const name = `${path}/${CONFIG}`;
    const config = parsedConfig(name, await fetchFile(this.base, this.file(path, CONFIG)), this.formats);
    if (config.method !== "eoq") {
      return { path, config, members: [], sizeBytes: this.file(path, MODEL).size_bytes };
    }
    const members = await Promise.all(memberPaths(path, config, this.formats.most_members).map(async (place, i) => {
      const listed = this.file(place, CONFIG);
      if (listed.sha256 !== config.files[i].sha256) {
        throw new SetError(`${place}/${CONFIG} was changed: its SHA-256 is not the one in the config.`);
      }
      const member = await this.member(place);
      const unequal = this.formats.shared.find((field) => (
        JSON.stringify(/** @type {any} */ (member.config)[field]) !== JSON.stringify(/** @type {any} */ (config)[field])
      ));
      if (unequal) throw new SetError(`${place}/${CONFIG} differs from its ensemble in '${unequal}'.`);
      return member;
    }));
    const sizeBytes = members.reduce((sum, one) => sum + one.sizeBytes, 0);
    return { path, config, members, sizeBytes };
  }
}

/**
 * The members that an ensemble names: folders beside it or inside.
 * @param {string} path
 * @param {Config} config
 * @param {number} most
 * @returns {string[]}
 */
function memberPaths(path, config, most) {
  const name = `${path}/${CONFIG}`, paths = config.files.map((file) => file.path);
  if (!paths.length) throw new SetError(`${name} names no members.`);
  if (new Set(paths).size < paths.length) throw new SetError(`${name} names a member twice.`);
  if (paths.length > most) throw new SetError(`${name} names more than ${most} members.`);
  return paths.map((file) => {
    const parts = file.split("/"), outside = parts[0] === "..";
    const rest = outside ? parts.slice(1) : parts;
    const odd = file.length > 255 || /[\p{C}]/u.test(file);
    if (odd || rest.length !== 2 || rest[1] !== CONFIG || ["", ".", ".."].includes(rest[0])) {
      throw new SetError(`${name} names a member elsewhere: ${shownAs(file, 80)}.`);
    }
    return outside ? [...path.split("/").slice(0, -1), rest[0]].join("/") : `${path}/${rest[0]}`;
  });
}
