// One layer of two networks, as the page shows it: a sentence, histograms, weight against weight, channels.

import { Chart, shortly } from "./chart.js";
import { cosine, inksOf, namesOf, share } from "./compared.js";
import { figure, table } from "./figure.js";
import { CELLS } from "./pair.js";
import { listed } from "./sentences.js";
import { element } from "./dom.js";

/** @typedef {import("./pair.js").LayerPair} LayerPair */
/** @typedef {import("./compared.js").Networks} Networks */
/** @typedef {import("./figure.js").Entry} Entry */

const FAINTEST = 0.16, FEW_LEVELS = 40;

/** One layer's numbers; its name stands above. @param {LayerPair} pair @param {Networks} networks @returns {string} */
export function layerSentence({ layer }, networks) {
  let said = `Its ${layer.weights.toLocaleString("en")} weights are ${share(layer.distance)} apart, cosine ${cosine(layer.cosine)}`;
  if (layer.changed !== null) {
    said += `; ${share(layer.changed / layer.weights)} of the weights take another level than rounding would give them`;
  }
  const used = namesOf(...networks).flatMap((name, side) => (
    layer.used[side] === null ? [] : [`${name} uses ${layer.used[side]} of ${layer.possible[side]} codes`]
  ));
  return used.length ? `${said}. ${listed(used)}.` : `${said}. Neither has codes.`;
}

/** Both networks' weights over the same bins, with the levels as lines. @param {LayerPair} pair @param {Networks} networks */
export function histograms(pair, networks) {
  const { edges, grid, counts: [first, second] } = pair, low = edges[0], high = edges[edges.length - 1];
  const [ink, other] = inksOf(networks), [one, two] = namesOf(...networks), seen = grid.filter((level) => level >= low && level <= high);
  const chart = new Chart(
    { low, high, label: unitOf(pair) },
    { low: 0, high: 1.08 * Math.max(...first, ...second), label: "weights" },
    `Histograms of the weights of both networks in this layer, ${shortly(low)} to ${shortly(high)}, with ${grid.length} levels as lines`,
  );
  chart.verticals(seen, "var(--grid-line)", seen.length <= FEW_LEVELS ? 1.2 : 0.4);
  first.forEach((count, i) => {
    const title = `${shortly(edges[i])} to ${shortly(edges[i + 1])}: ${count.toLocaleString("en")}`;
    if (count) chart.box([edges[i], edges[i + 1]], [0, count], ink, title, { "fill-opacity": 0.5 });
  });
  chart.line(second.flatMap((count, i) => [[edges[i], count], [edges[i + 1], count]]), other, "", 1.8);
  const entries = /** @type {Entry[]} */ ([["■", ink, one], ["▁", other, two]]);
  if (seen.length) entries.push(["│", "var(--grid-line)", "levels"]);
  const beyond = Math.max(...pair.counts.map((each) => pair.layer.weights - each.reduce((sum, count) => sum + count, 0)));
  if (beyond) entries.push(["", "", `${beyond.toLocaleString("en")} lie farther out`]);
  const rows = first.map((count, i) => (
    [`${shortly(edges[i])} to ${shortly(edges[i + 1])}`, count.toLocaleString("en"), second[i].toLocaleString("en")]
  )).filter((_, i) => first[i] || second[i]);
  return figure("Both histograms", entries, chart, table([unitOf(pair), one, two], rows, "Weights by value"));
}

/** Weight against weight: what has not moved lies on the diagonal. @param {LayerPair} pair @param {Networks} networks */
export function scatter(pair, networks) {
  const [first, second] = namesOf(...networks), reach = pair.reach * 1.02, [, ink] = inksOf(networks);
  const chart = new Chart(
    { low: -reach, high: reach, label: first },
    { low: -reach, high: reach, label: second },
    `${pair.layer.weights.toLocaleString("en")} weights of the layer, the first network's to the right and the second's upwards; `
      + "equal ones lie on the diagonal",
    400,
  );
  chart.line([[-reach, -reach], [reach, reach]], "currentColor", "dashed", 1.2);
  if (pair.single) chart.dots(pair.cells.map((one) => [one.first, one.second]), ink, 0.6);
  else drawCells(chart, pair, ink);
  const said = pair.single ? "each weight a point" : `the darker, the more weights; ${pair.outside.toLocaleString("en")} lie farther out`;
  const made = figure("Weight against weight", [["■", ink, said], ["┄", "currentColor", "not moved"]], chart);
  made.append(element("p", { class: "aside-note" }, `Both axes: ${unitOf(pair)}.`));
  return made;
}

/** @param {Chart} chart @param {LayerPair} pair @param {string} ink */
function drawCells(chart, { cells, reach }, ink) {
  const half = reach / CELLS, most = Math.log1p(cells.reduce((high, one) => Math.max(high, one.count), 0));
  for (const { first, second, count } of cells) {
    const opacity = FAINTEST + ((1 - FAINTEST) * Math.log1p(count)) / most;
    const title = `about ${shortly(first)} and ${shortly(second)}: ${count.toLocaleString("en")} weights`;
    chart.box([first - half, first + half], [second - half, second + half], ink, title, { "fill-opacity": opacity });
  }
}

/** The output channels that differ most. @param {LayerPair} pair @param {Networks} networks @returns {HTMLElement} */
export function channelsTable({ channels, layer }, networks) {
  const [first, second] = namesOf(...networks);
  const rows = channels.map((one) => (
    [String(one.channel), share(one.distance), cosine(one.cosine), ...one.norms.map((norm) => String(Number(norm.toPrecision(3))))]
  ));
  const caption = `The output channels that differ most, of ${layer.shape[0].toLocaleString("en")}`;
  return table(["channel", "apart", "cosine", `norm, ${first}`, `norm, ${second}`], rows, caption);
}

/** @param {LayerPair} pair */
function unitOf({ byChannel }) {
  return byChannel ? "weight ÷ step size of its channel" : "weight";
}
