// What the folder says of itself, as types.

import { SetError } from "./download.js";

/** @typedef {import("./download.js").FileHash} FileHash */
/** @typedef {import("./records.js").Format} Format */

/**
 * @typedef {{images: string, flagged: number, total: number}} Flagged
 * @typedef {{method: string, path: string, thresholds: number[], flagged: Flagged[]}} Model
 * @typedef {{path: string, method: string, kind: string, seed: string}} Network
 * @typedef {{
 *   key: string, dataset: string, domain: string, source_domains: string[], classes: string[],
 *   models: Model[], trained: {bits: number, path: string}[], networks: Network[]
 * }} Target
 * @typedef {{name: string, shape: number[], start: number}} Weight
 * @typedef {{convolution: string, norm: string, epsilon: number}} Fold
 * @typedef {{
 *   architecture: string, image_size: number, classifier: string, quantizable: string[],
 *   folds: Fold[], unused: string[]
 * }} Facts
 * @typedef {{
 *   file: FileHash, classes: number, has_features: boolean, facts: Facts, weights: Weight[],
 *   numbers: number
 * }} Graph
 * @typedef {{name: string, file: string, label: string, title: string, alt: string, domain: string}} Sample
 * @typedef {{
 *   targets: Target[], graphs: Graph[], samples: Sample[], index: FileHash, formats: Formats,
 *   methods: Record<string, {name: string, marker: string}>, shifts: {grains: FileHash, tiles: number[]},
 *   files: FileHash[]
 * }} Manifest
 * @typedef {{
 *   index: Format, config: Format, methods: string[], objectives: string[], averagings: string[],
 *   quantizers: string[], shared: string[], largest_bytes: Record<string, number>,
 *   largest_integer: number, most_checkpoints: number, most_members: number
 * }} Formats
 * @typedef {{correct: number, total: number}} Accuracy
 * @typedef {{
 *   method: string, architecture: string, classes: string[], dataset: string, target_domain: string,
 *   image_size: number, mean: number[], std: number[], bits: number, averaged: boolean,
 *   quantizer: string | null, target: Accuracy, files: FileHash[]
 * }} Config
 */

/**
 * The manifest of the folder at `base`.
 * @param {string} base
 * @returns {Promise<Manifest>}
 */
export async function readManifest(base) {
  const response = await fetch(new URL("manifest.json", base), { cache: "no-cache" });
  return response.json();
}

/**
 * The graph of a checkpoint's network.
 * @param {Manifest} manifest
 * @param {{path: string, config: Config}} checkpoint
 * @returns {Graph}
 * @throws {SetError}
 */
export function graphFor(manifest, { path, config }) {
  const found = manifest.graphs.find((one) => (
    one.facts.architecture === config.architecture && one.facts.image_size === config.image_size
    && one.classes === config.classes.length
  ));
  if (!found) throw new SetError(`${path}/config.json is of a network that has no graph here.`);
  return found;
}
