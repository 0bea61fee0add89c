// Two networks compared, as the page shows it: a sentence, a bar a layer, a table, a CSV.

import { Chart } from "./chart.js";
import { csvText } from "./csv.js";
import { element } from "./dom.js";
import { figure, folded, table } from "./figure.js";
import { plain } from "./sentences.js";

/** @typedef {import("./compare.js").Compared} Compared */
/** @typedef {import("./compare.js").LayerDistance} LayerDistance */
/** @typedef {import("./compare.js").Pair} Pair */
/** @typedef {import("./manifest.js").Network} Network */
/** @typedef {import("./manifest.js").Target} Target */
/** @typedef {[Network, Network]} Networks */

// How much of a distance is rounding, by its part of it; more than all where it goes another way.
const ROUNDING_PARTS = /** @type {[string, number][]} */ ([
  ["nearly all of it", 0.9], ["most of it", 0.5], ["a smaller part of it", 0.1], ["little of it", 0],
]);
const HEADS = ["layer", "weights", "apart", "cosine", "by rounding", "other level", "codes", "steps"];

const TICKS = 8;
const COLUMNS = [
  "first", "second", "layer", "kind", "shape", "shape_second", "weights", "common", "norm_first", "norm_second", "distance",
  "cosine", "distance_by_rounding", "weights_with_another_code", "share_with_another_code", "codes_used_first",
  "codes_possible_first", "codes_used_second", "codes_possible_second", "median_step_size_first", "median_step_size_second",
];

/**
 * The layer of that name; else that with the largest part of weights on another level, or, without levels, that
 * farthest apart.
 * @param {Compared} found
 * @param {string} named
 * @returns {string}
 */
export function chosenLayer({ layers }, named) {
  if (layers.some((one) => one.name === named)) return named;
  const part = (/** @type {LayerDistance} */ one) => (one.changed ?? 0) / one.weights;
  const further = (/** @type {LayerDistance} */ one, /** @type {LayerDistance} */ than) => (
    part(one) - part(than) || (one.distance ?? 0) - (than.distance ?? 0)
  );
  return layers.reduce((most, one) => (further(one, most) > 0 ? one : most)).name;
}

/** A colour for each: its method's, for the second the text's where both have the same. @param {Networks} networks @returns {[string, string]} */
export function inksOf([first, second]) {
  const ink = `var(--${first.method})`;
  return [ink, second.method === first.method ? "currentColor" : `var(--${second.method})`];
}

/** How far apart every layer is, a bar that can be clicked each. @param {Compared} found @param {Networks} networks @param {string} chosen */
export function layersFigure({ layers, whole }, networks, chosen) {
  const highest = layers.reduce((most, one) => Math.max(most, one.distance ?? 0, one.rounding ?? 0), 0), top = 110 * highest || 1;
  const every = Math.max(1, Math.floor(layers.length / TICKS)), [, ink] = inksOf(networks);
  const places = layers.map((_, i) => i + 1).filter((place) => (place - 1) % every === 0);
  const chart = new Chart(
    { low: 0.5, high: layers.length + 0.5, label: "layer, from the image to the answer", ticks: places.map((one) => [one, String(one)]) },
    { low: 0, high: top, label: "apart, % of the weights" },
    "How far apart the two networks are in each layer; the table below has the numbers",
  );
  layers.forEach((one, i) => {
    const x = /** @type {[number, number]} */ ([i + 0.58, i + 1.42]), level = 100 * (one.rounding ?? 0);
    const title = `${i + 1} · ${one.name}: ${share(one.distance)}, ${one.kind}`;
    chart.box(x, [0, 100 * (one.distance ?? 0)], ink, title, { "fill-opacity": one.name === chosen ? 1 : 0.45 });
    if (one.rounding !== null) chart.line([[x[0], level], [x[1], level]], "currentColor", "", 2);
    chart.box([i + 0.5, i + 1.5], [0, top], ink, title, { "data-layer": one.name, "fill-opacity": 0 });  // all of its height can be clicked
  });
  const entries = /** @type {import("./figure.js").Entry[]} */ ([["■", ink, "apart; click a layer"]]);
  if (whole.rounding !== null) entries.push(["—", "currentColor", "what rounding alone would do"]);
  return figure("Every layer", entries, chart);
}

/** The same in numbers, with a button a layer. @param {Compared} found @param {Networks} networks @returns {HTMLElement} */
export function layersTable({ layers }, networks) {
  const rows = layers.map((one, i) => (
    [element("button", { type: "button", "data-layer": one.name }, `${i + 1} · ${one.name}`), ...cells(one)]
  ));
  const caption = `Codes used of those there are, and median step sizes: ${namesOf(...networks).join(" / ")}`;
  return folded("Every layer in numbers", table(HEADS, rows, caption));
}

/** A line a layer. @param {Compared} found @param {Networks} networks @param {Target} target @returns {string} */
export function layersCsv({ layers }, networks, { domain, dataset }) {
  const pair = networks.map((one) => `${plain(domain)} (${dataset.toUpperCase()}): ${nameOf(one)}`);
  return csvText(COLUMNS, layers.map((one) => {
    const shape = one.shape.join("x"), codes = one.used.flatMap((used, side) => [used, one.possible[side]]);
    const part = one.changed === null ? null : one.changed / one.weights;
    return [
      ...pair, one.name, one.kind, shape, shape, one.weights, "yes", ...one.norms, one.distance, one.cosine, one.rounding,
      one.changed, part, ...codes, ...one.steps,
    ];
  }));
}

/**
 * What the comparison shows: one sentence, and more about it.
 * @param {Compared} found
 * @param {[string, string]} names
 * @returns {[string, string]}
 */
export function comparison({ layers, whole }, [first, second]) {
  let lead = `${first} and ${second} have the same weights.`;
  if (whole.distance !== 0) {
    lead = `${first} and ${second} are ${share(whole.distance)} of the weights' size apart`;
    if (whole.rounding === null) lead += ` (cosine ${cosine(whole.cosine)}). Both are in full precision: there is no grid.`;
    else {
      const [other, quantized] = layers.some((one) => one.used[1] !== null) ? [first, second] : [second, first];
      const part = whole.rounding / (whole.distance || 1), much = ROUNDING_PARTS.find(([, least]) => part >= least)?.[0];
      lead += `, ${much} rounding: to the levels of ${quantized}, ${other} would move by ${share(whole.rounding)}. `
        + `${share(whole.changed / whole.quantized)} of the weights lie on another level than rounding alone would give them.`;
    }
  }
  const known = layers.filter((one) => one.distance !== null).sort((one, other) => Number(one.distance) - Number(other.distance));
  const said = [], placeOf = (/** @type {LayerDistance} */ one) => layers.indexOf(one) + 1;
  if (known.length) {
    const gaps = known.map((one) => Number(one.distance)), middle = gaps.length >> 1;
    const median = gaps.length % 2 ? gaps[middle] : (gaps[middle - 1] + gaps[middle]) / 2;
    const least = known[0], most = known[known.length - 1];
    said.push(`Layer by layer ${share(least.distance)} (layer ${placeOf(least)}) to ${share(most.distance)} (layer ${placeOf(most)}), median ${share(median)}.`);
  }
  const gap = (/** @type {LayerDistance} */ one) => Number(one.distance) - Number(one.rounding);
  const rounded = layers.filter((one) => one.distance !== null && one.rounding !== null);
  const beyond = rounded.reduce((best, one) => (best && gap(best) >= gap(one) ? best : one), /** @type {LayerDistance | null} */ (null));
  if (beyond && gap(beyond) > 0) {
    const which = `layer ${placeOf(beyond)} of ${layers.length} (${beyond.kind})`;
    said.push(`Farthest beyond what rounding does, of the quantized ones: ${which}, ${share(beyond.distance)} against ${share(beyond.rounding)}.`);
  }
  said.push(`Cosine of all weights together ${cosine(whole.cosine)}.`);
  return [lead, said.join(" ")];
}

/** @param {Network} network @returns {string} */
export function nameOf({ kind, seed }) {
  return seed ? `${kind}, ${seed}` : kind;
}

/** What to call the two: without the seed where it is the same. @param {Network} first @param {Network} second @returns {[string, string]} */
export function namesOf(first, second) {
  const [one, other] = first.seed === second.seed ? [first.kind, second.kind] : [nameOf(first), nameOf(second)];
  return one === other ? [`${one} (1)`, `${other} (2)`] : [one, other];
}

/** @param {LayerDistance} one @returns {string[]} */
function cells(one) {
  const of = (/** @type {Pair} */ pair, /** @type {(value: number, side: number) => string} */ words) => (
    pair.map((value, side) => (value === null ? "–" : words(value, side))).join(" / ")
  );
  return [
    one.weights.toLocaleString("en"), share(one.distance), cosine(one.cosine),
    one.rounding === null ? "" : share(one.rounding), one.changed === null ? "" : share(one.changed / one.weights),
    of(one.used, (value, side) => `${value} of ${one.possible[side]}`), of(one.steps, (value) => String(Number(value.toPrecision(3)))),
  ];
}

/** @param {number | null} part @returns {string} "6.7 %", "0.02 %", "52 %" */
export function share(part) {
  if (part === null) return "undefined";
  const percent = 100 * part;
  if (percent && Math.abs(percent) < 0.1) return `${Number(percent.toPrecision(1))} %`;
  return `${percent.toFixed(percent < 20 ? 1 : 0)} %`;
}

/** @param {number | null} value @returns {string} */
export function cosine(value) {
  return value === null ? "undefined" : value.toFixed(4);
}
