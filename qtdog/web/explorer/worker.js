// The engine: what the page asks of the networks, away from it, so that it never stands still.

import { fetchFile, SetError } from "./download.js";
import { graphFor } from "./manifest.js";
import { compared, layersOf } from "./compare.js";
import { roundedLayer } from "./layers.js";
import { layerPair } from "./pair.js";
import { networkInput, resize, shrink } from "./pixels.js";
import { bitsOf, roundedWeights } from "./rounding.js";
import { Runners, together } from "./runners.js";
import { CheckpointSet } from "./set.js";
import { MAX_SIDE, shifted, toRgb, toRgba } from "./shifts.js";
import { openTensors, plainWeights, storedWeights } from "./weights.js";

/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./manifest.js").Graph} Graph */
/** @typedef {import("./set.js").Checkpoint} Checkpoint */
/** @typedef {{data: Uint8ClampedArray, width: number, height: number}} Picture */
/** @typedef {import("./rounding.js").Rule} Rule */
/**
 * A model that is asked: a checkpoint, or one in full precision that is rounded first.
 * @typedef {{path: string, rounding: {bits: number, rule: Rule} | null}} Asked
 */

/**
 * A network that answers. `head`: the weights of its last layer, where a heat map follows from them.
 * @typedef {{
 *   place: import("./runners.js").Place, graph: Graph, head: Float32Array | null, bitsPerWeight: number, used: number
 * }} Network
 */

const RUNTIME = "onnxruntime/ort-wasm-simd-threaded.wasm";
const MOST_NETWORKS = 20;
const WEIGHTS = "weights";

let base = "";
let manifest = /** @type {Manifest} */ (/** @type {unknown} */ (null));
let opened = /** @type {Promise<CheckpointSet>} */ (/** @type {unknown} */ (null));
let runners = /** @type {Promise<Runners> | null} */ (null);
let clock = 0;
const networks = /** @type {Map<string, Promise<Network>>} */ (new Map());
const graphs = /** @type {Map<string, Promise<Uint8Array>>} */ (new Map());

/** @typedef {import("./questions.js").Progress} Progress */
/** @typedef {import("./runner.js").Ran} Ran */

/** Where the networks lie, made once. @param {Progress} progress */
function theRunners(progress = () => {}) {
  runners ??= startRunners(progress);
  runners.catch(() => { runners = null; });
  return runners;
}

/** @param {Progress} progress */
async function startRunners(progress) {
  const file = manifest.files.find((one) => one.path === RUNTIME);
  if (!file) throw new SetError(`${RUNTIME} is missing.`);
  const binary = await fetchFile(base, file, (done) => progress(RUNTIME, done, file.size_bytes), "the manifest");
  return new Runners(binary.slice().buffer, new URL("onnxruntime/", base).href);
}

/**
 * @param {Graph} graph
 * @returns {Promise<Uint8Array>}
 */
function graphOf(graph) {
  const known = graphs.get(graph.file.path) ?? fetchFile(base, graph.file, () => {}, "the manifest");
  graphs.set(graph.file.path, known);
  known.catch(() => graphs.delete(graph.file.path));
  return known;
}

/**
 * A single network, loaded and perhaps rounded once.
 * @param {CheckpointSet} set
 * @param {Checkpoint} checkpoint
 * @param {Asked["rounding"]} rounding
 * @param {Progress} progress
 * @returns {Promise<Network>}
 */
function networkOf(set, checkpoint, rounding, progress) {
  const file = set.weights(checkpoint);
  const key = rounding ? `${file.sha256} ${rounding.bits} ${rounding.rule}` : file.sha256;
  const known = networks.get(key) ?? loaded(set, checkpoint, rounding, progress);
  networks.set(key, known);
  known.then((one) => { clock += 1; one.used = clock; }, () => networks.delete(key));
  return known;
}

/**
 * @param {CheckpointSet} set
 * @param {Checkpoint} checkpoint
 * @param {Asked["rounding"]} rounding
 * @param {Progress} progress
 * @returns {Promise<Network>}
 */
async function loaded(set, checkpoint, rounding, progress) {
  const file = set.weights(checkpoint), graph = graphFor(manifest, checkpoint);
  const [bytes, model, all] = await Promise.all([
    fetchFile(set.base, file, (done) => progress(file.path, done, file.size_bytes)), graphOf(graph), theRunners(progress),
  ]);
  const stored = storedWeights(bytes, checkpoint.config, graph, file.path);
  if (!rounding) return network(all, model, graph, stored.weights, stored.bitsPerWeight);
  const plain = plainWeights(openTensors(bytes, file.path), graph);
  const weights = roundedWeights(plain, graph, rounding.bits, rounding.rule);
  return network(all, model, graph, weights, bitsOf(graph, rounding.bits));
}

/**
 * @param {Runners} all
 * @param {Uint8Array} model
 * @param {Graph} graph
 * @param {Float32Array} weights are given away
 * @param {number} bitsPerWeight
 * @returns {Promise<Network>}
 */
async function network(all, model, graph, weights, bitsPerWeight) {
  const last = graph.weights.find((one) => one.name === `${graph.facts.classifier}.weight`);
  const head = graph.has_features && last
    ? weights.slice(last.start, last.start + last.shape[0] * last.shape[1]) : null;
  return { place: await all.create(model, WEIGHTS, weights), graph, head, bitsPerWeight, used: 0 };
}

/** Let go of the networks that were not used for longest. */
async function tidy() {
  while (networks.size > MOST_NETWORKS) {
    const all = await Promise.all([...networks].map(async ([key, one]) => /** @type {const} */ ([key, await one])));
    const [key, oldest] = all.reduce((first, one) => (one[1].used < first[1].used ? one : first));
    networks.delete(key);
    await (await theRunners()).release(oldest.place);
  }
}

/**
 * A model's networks: one, or an ensemble's members.
 * @param {Asked} asked
 * @param {Progress} progress
 */
async function networksOf({ path, rounding }, progress) {
  const set = await opened, checkpoint = await set.checkpoint(path);
  const singles = checkpoint.members.length ? checkpoint.members : [checkpoint];
  const found = await Promise.all(singles.map((one) => networkOf(set, one, rounding, progress)));
  return { checkpoint, found };
}

/** The last two networks whose layers were looked at. @type {[string, ReturnType<typeof readLayers>][]} */
let lookedAt = [];

/** The weights of a single network, layer by layer. @param {string} path */
function layersAt(path) {
  const known = lookedAt.find(([one]) => one === path) ?? [path, readLayers(path)];
  lookedAt = [known, ...lookedAt.filter(([one]) => one !== path)].slice(0, 2);
  known[1].catch(() => { lookedAt = lookedAt.filter((one) => one !== known); });
  return known[1];
}

/** @param {string} path */
async function readLayers(path) {
  const set = await opened, checkpoint = await set.checkpoint(path), graph = graphFor(manifest, checkpoint);
  const file = set.weights(checkpoint), bytes = await fetchFile(set.base, file);
  return { architecture: checkpoint.config.architecture, layers: layersOf(bytes, checkpoint.config, graph, file.path) };
}

/** The layers of two networks of one architecture. @param {string} first @param {string} second */
async function bothAt(first, second) {
  const [one, other] = await Promise.all([first, second].map(layersAt));
  if (one.architecture !== other.architecture) {
    throw new SetError(
      `${first} is a ${one.architecture} and ${second} a ${other.architecture}: only networks of one architecture have `
      + "weights to compare.",
    );
  }
  return [one.layers, other.layers];
}

/** What can be asked, by name. */
const ANSWERS = {
  /** @param {{base: string, manifest: Manifest}} asked */
  async open(asked) {
    base = asked.base;
    manifest = asked.manifest;
    opened = CheckpointSet.open(base, manifest.index, manifest.formats);
    await opened;
  },

  /** @param {{path: string}} asked */
  async files({ path }) {
    const set = await opened, checkpoint = await set.checkpoint(path);
    const singles = checkpoint.members.length ? checkpoint.members : [checkpoint];
    return singles.map((one) => set.weights(one));
  },

  /** @param {{path: string}} asked */
  async config({ path }) {
    return (await opened).checkpoint(path);
  },

  /** @param {{path: string, layer: string, bits: number, rule: Rule}} asked */
  async layer({ path, layer, bits, rule }) {
    const set = await opened, checkpoint = await set.checkpoint(path), graph = graphFor(manifest, checkpoint);
    const file = set.weights(checkpoint), place = graph.weights.find((one) => one.name === layer);
    const plain = plainWeights(openTensors(await fetchFile(set.base, file), file.path), graph), weight = plain.get(layer);
    if (!place || !weight) throw new SetError(`${path} has no layer ${layer}.`);
    return roundedLayer(weight, place.shape[0], bits, rule);
  },

  /** @param {{first: string, second: string}} asked */
  async compare({ first, second }) {
    const [one, other] = await bothAt(first, second);
    return compared(one, other);
  },

  /** @param {{first: string, second: string, layer: string}} asked */
  async pair({ first, second, layer }) {
    const [one, other] = (await bothAt(first, second)).map((layers) => layers.get(layer));
    if (!one || !other) throw new SetError(`'${layer}' is no common layer of ${first} and ${second}.`);
    return layerPair(layer, one, other);
  },

  /** @param {Asked} asked @param {Progress} progress */
  async load(asked, progress) {
    const { checkpoint, found } = await networksOf(asked, progress);
    await tidy();
    const { config, sizeBytes } = checkpoint, { rounding } = asked;
    const { averaged } = config, { bitsPerWeight } = found[0];
    if (rounding) return { bits: rounding.bits, averaged, sizeBytes: null, bitsPerWeight, measured: null };
    return { bits: config.bits, averaged, sizeBytes, bitsPerWeight, measured: config.target };
  },

  /**
   * @param {{
   *   models: Asked[], picture: Picture, looks: (number | null)[] | null,
   *   shift: {name: string, severity: number} | null
   * }} asked
   */
  async ask({ models, picture, looks, shift }) {
    const plain = toRgb(picture);
    const image = shift ? await shifted(shrink(plain, MAX_SIDE), shift.name, shift.severity, await chance()) : plain;
    const answers = await answersOf(models, image, looks);
    const shown = shift ? { data: toRgba(image), width: image.width, height: image.height } : null;
    return { answers, shown };
  },
};

/** @type {Promise<import("./shifts.js").Chance> | null} */
let drawn = null;

/** The random numbers of the shifts, fetched once. */
function chance() {
  drawn ??= fetchFile(base, manifest.shifts.grains, () => {}, "the manifest").then((bytes) => (
    { grains: new Float32Array(bytes.slice().buffer), tiles: manifest.shifts.tiles }
  ));
  drawn.catch(() => { drawn = null; });
  return drawn;
}

/**
 * @param {Asked[]} models
 * @param {import("./filters.js").Rgb} image
 * @param {(number | null)[] | null} looks
 */
async function answersOf(models, image, looks) {
  const inputs = /** @type {Map<string, Float32Array>} */ (new Map());
  const said = /** @type {Map<Network, Promise<Ran>>} */ (new Map());
  const asked = [];
  for (const model of models) {
    const { checkpoint, found } = await networksOf(model, () => {});
    const { image_size: size, mean, std } = checkpoint.config, key = JSON.stringify([size, mean, std]);
    const input = inputs.get(key) ?? networkInput(resize(image, size), mean, std);
    inputs.set(key, input);
    const all = await theRunners(), shape = [1, 3, size, size];
    for (const one of found) {
      said.set(one, said.get(one) ?? all.run(one.place, input, shape, looks !== null && one.head !== null));
    }
    asked.push({ model, found });
  }
  const ran = new Map(await Promise.all([...said].map(async ([one, answer]) => /** @type {const} */ ([one, await answer]))));
  return asked.map(({ model, found }, i) => {
    const each = found.map((one) => /** @type {Ran} */ (ran.get(one)));
    if (each.some((one) => !one.logits.every(Number.isFinite))) {
      throw new SetError(
        `${model.path} answers with logits that are not finite numbers, so it has no answer: its `
        + "weights are too large. Train it again, or use another checkpoint.",
      );
    }
    return {
      logits: each.map((one) => one.logits),
      milliseconds: together(each.map(({ milliseconds }, k) => ({ runner: found[k].place.runner, milliseconds }))),
      heat: looks === null ? null : heatOf(found, each, looks[i]),
    };
  });
}

/**
 * Where networks look for a class: ReLU of the class's weights over their last feature maps, the mean
 * over an ensemble's members before the ReLU; the hottest place is 1.
 * @param {Network[]} found
 * @param {any[]} each
 * @param {number | null} label by default the likeliest class
 */
function heatOf(found, each, label) {
  if (each.some((one) => !one.features)) return null;
  const classes = each[0].logits.length;
  const sums = Array.from({ length: classes }, (_, k) => each.reduce((sum, one) => sum + one.logits[k], 0));
  const place = label ?? sums.indexOf(Math.max(...sums));
  const [, channels, height, width] = each[0].features.shape;
  const heat = new Float32Array(height * width);
  found.forEach(({ head }, i) => {
    const { data } = each[i].features;
    for (let channel = 0; channel < channels; channel += 1) {
      const weight = /** @type {Float32Array} */ (head)[place * channels + channel];
      for (let at = 0; at < heat.length; at += 1) heat[at] += weight * data[channel * heat.length + at];
    }
  });
  const hottest = heat.reduce((most, one) => Math.max(most, one), 0) || 1;
  return { width, height, label: place, values: [...heat].map((one) => Math.max(0, one) / hottest) };
}

addEventListener("message", async ({ data }) => {
  const { id, kind, asked } = data;
  const progress = /** @type {Progress} */ ((file, done, total) => postMessage({ id, file, done, total }));
  try {
    const answer = /** @type {any} */ (ANSWERS)[kind];
    const value = await answer(asked, progress);
    postMessage({ id, value }, value?.shown ? [value.shown.data.buffer] : /** @type {any} */ ([]));
  } catch (error) {
    const said = error instanceof SetError;
    if (!said) console.error(error);
    postMessage({ id, error: said ? error.message : `This browser cannot compute the networks: ${error}.` });
  }
});
