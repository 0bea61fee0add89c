// The page's side of the engine.

import { Questions } from "./questions.js";

/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./manifest.js").Accuracy} Accuracy */
/** @typedef {import("./manifest.js").FileHash} FileHash */
/** @typedef {import("./picture.js").Pixels} Pixels */
/** @typedef {{path: string, rounding: {bits: number, rule: import("./rounding.js").Rule} | null}} Asked */
/** @typedef {{name: string, severity: number}} Shift */

/**
 * @typedef {{width: number, height: number, label: number, values: number[]}} Heat
 * @typedef {{logits: number[][], milliseconds: number, heat: Heat | null}} Said
 * @typedef {{
 *   bits: number, averaged: boolean, sizeBytes: number | null, bitsPerWeight: number, measured: Accuracy | null
 * }} Loaded
 * @typedef {import("./questions.js").Progress} Progress
 */

export class Engine {
  constructor() {
    this.worker = new Questions("worker.js", "The networks' worker did not start.");
  }

  /** @param {string} base @param {Manifest} manifest @returns {Promise<void>} */
  open(base, manifest) {
    return this.worker.ask("open", { base, manifest });
  }

  /** @param {string} path @returns {Promise<FileHash[]>} a model's files of weights */
  files(path) {
    return this.worker.ask("files", { path });
  }

  /** @param {Asked} model @param {Progress} progress @returns {Promise<Loaded>} */
  load(model, progress) {
    return this.worker.ask("load", model, progress);
  }

  /** @param {string} path @returns {Promise<import("./set.js").Checkpoint>} a model without its weights */
  config(path) {
    return this.worker.ask("config", { path });
  }

  /**
   * A layer of a network in full precision, rounded.
   * @param {{path: string, layer: string, bits: number, rule: import("./rounding.js").Rule}} asked
   * @returns {Promise<import("./layers.js").LayerRounding>}
   */
  layer(asked) {
    return this.worker.ask("layer", asked);
  }

  /**
   * The weights of two single networks, layer by layer.
   * @param {string} first
   * @param {string} second
   * @returns {Promise<import("./compare.js").Compared>}
   */
  compare(first, second) {
    return this.worker.ask("compare", { first, second });
  }

  /**
   * One layer of two single networks in detail.
   * @param {string} first
   * @param {string} second
   * @param {string} layer
   * @returns {Promise<import("./pair.js").LayerPair>}
   */
  pair(first, second, layer) {
    return this.worker.ask("pair", { first, second, layer });
  }

  /**
   * A picture through some models.
   * @param {Asked[]} models
   * @param {Pixels} picture is given away
   * @param {(number | null)[] | null} looks the class that each is to show the place of, null for its own
   * @param {Shift | null} shift what is done to the picture first
   * @returns {Promise<{answers: Said[], shown: Pixels | null}>} and the shifted picture
   */
  classify(models, picture, looks = null, shift = null) {
    return this.worker.ask("ask", { models, picture, looks, shift }, () => {}, [picture.data.buffer]);
  }
}
