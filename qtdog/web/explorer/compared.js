// Two networks compared, as the page shows it: a sentence, a bar a layer, a table.

import { Chart } from "./chart.js";
import { byId, element } from "./dom.js";

/** @typedef {import("./compare.js").Compared} Compared */
/** @typedef {import("./compare.js").LayerDistance} LayerDistance */
/** @typedef {import("./compare.js").Pair} Pair */
/** @typedef {import("./manifest.js").Network} Network */

// How much of a distance is rounding, by its part of it; more than all where it goes another way.
const ROUNDING_PARTS = /** @type {[string, number][]} */ ([
  ["nearly all of it", 0.9], ["most of it", 0.5], ["a smaller part of it", 0.1], ["little of it", 0],
]);
const HEADS = ["layer", "weights", "apart", "cosine", "by rounding", "other level", "codes", "steps"];

/**
 * The networks that can be compared, in both lists: full precision with QT-DoG at first.
 * @param {Network[]} networks
 * @param {[string, string]} pair
 */
export function listNetworks(networks, pair) {
  ["weights-first", "weights-second"].forEach((id, side) => {
    const list = /** @type {HTMLSelectElement} */ (byId(id)), chosen = list.value;
    list.replaceChildren(...networks.map((one) => element("option", { value: one.path }, nameOf(one))));
    list.value = networks.some((one) => one.path === chosen) ? chosen : pair[side];
  });
}

/** @param {Compared} found @param {Network} first @param {Network} second */
export function showCompared(found, first, second) {
  const names = namesOf(first, second), [lead, aside] = comparison(found, names);
  byId("weights-said").replaceChildren(lead, element("span", { class: "aside" }, aside));
  byId("weights-chart").replaceChildren(layersChart(found).svg);
  const table = element("table", { class: "numbers" },
    element("caption", {}, `Codes used of those there are, and median step sizes: ${names.join(" / ")}`),
    element("thead", {}, element("tr", {}, ...HEADS.map((one) => element("th", { scope: "col" }, one)))),
    element("tbody", {}, ...found.layers.map((one, i) => (
      element("tr", {}, element("th", { scope: "row" }, `${i + 1} · ${one.name}`), ...cells(one).map((cell) => element("td", {}, cell)))
    ))));
  byId("weights-table").replaceChildren(table);
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
      lead += `, ${much} rounding: onto the levels of ${quantized}, ${other} moves by ${share(whole.rounding)}, and `
        + `${share(whole.changed / whole.quantized)} of its weights come to another level than they have there.`;
    }
  }
  const known = layers.filter((one) => one.distance !== null).sort((one, other) => Number(one.distance) - Number(other.distance));
  const said = [];
  if (known.length) {
    const gaps = known.map((one) => Number(one.distance)), middle = gaps.length >> 1;
    const median = gaps.length % 2 ? gaps[middle] : (gaps[middle - 1] + gaps[middle]) / 2;
    const least = known[0], most = known[known.length - 1];
    said.push(`By layer ${share(least.distance)} (${least.name}) to ${share(most.distance)} (${most.name}), median ${share(median)}.`);
  }
  const gap = (/** @type {LayerDistance} */ one) => Number(one.distance) - Number(one.rounding);
  const rounded = layers.filter((one) => one.distance !== null && one.rounding !== null);
  const beyond = rounded.reduce((best, one) => (best && gap(best) >= gap(one) ? best : one), /** @type {LayerDistance | null} */ (null));
  if (beyond && gap(beyond) > 0) said.push(`Most beyond rounding: ${beyond.name}, ${share(beyond.distance)} against ${share(beyond.rounding)}.`);
  said.push(`Cosine of all weights together ${cosine(whole.cosine)}.`);
  return [lead, said.join(" ")];
}

/** @param {Network} network @returns {string} */
function nameOf({ kind, seed }) {
  return seed ? `${kind}, ${seed}` : kind;
}

/** What to call the two: without the seed where it is the same. @param {Network} first @param {Network} second @returns {[string, string]} */
export function namesOf(first, second) {
  const [one, other] = first.seed === second.seed ? [first.kind, second.kind] : [nameOf(first), nameOf(second)];
  return one === other ? [`${one} (1)`, `${other} (2)`] : [one, other];
}

/** @param {Compared} found @returns {Chart} how far apart every layer is */
function layersChart({ layers }) {
  const highest = layers.reduce((most, one) => Math.max(most, one.distance ?? 0, one.rounding ?? 0), 0);
  const chart = new Chart(
    { low: 0.5, high: layers.length + 0.5, label: "layer, from the image to the answer" },
    { low: 0, high: 110 * highest || 1, label: "apart, % of the weights" },
    "How far apart the two networks are in each layer; the table below has the numbers",
  );
  layers.forEach((one, i) => {
    const x = /** @type {[number, number]} */ ([i + 1 - 0.42, i + 1 + 0.42]);
    chart.box(x, 100 * (one.distance ?? 0), "var(--qt-dog)", `${i + 1} · ${one.name}: ${share(one.distance)}`);
    if (one.rounding !== null) chart.level(x, 100 * one.rounding, "currentColor");
  });
  return chart;
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

/** @param {number | null} value */
function cosine(value) {
  return value === null ? "undefined" : value.toFixed(4);
}
