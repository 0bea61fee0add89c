// Quantize's figure: the weights of a layer and the grid on which rounding puts them.

import { Chart, shortly } from "./chart.js";
import { byId, element } from "./dom.js";
import { percent } from "./sentences.js";

/** @typedef {import("./manifest.js").Graph} Graph */
/** @typedef {import("./layers.js").LayerRounding} LayerRounding */

/**
 * The layers that can be looked at, as the page with a server names them; the same list is left alone.
 * @param {Graph} graph
 */
export function listLayers(graph) {
  const list = /** @type {HTMLSelectElement} */ (byId("layer"));
  const names = graph.facts.quantizable;
  if ([...list.options].map((one) => one.value).join() === names.join()) return;
  const chosen = list.value;
  list.replaceChildren(...names.map((name, i) => element("option", { value: name }, layerName(graph, name, i + 1))));
  list.value = names.includes(chosen) ? chosen : names[Math.floor(names.length / 2)];
}

/** @param {Graph} graph @param {string} name @param {number} place @returns {string} */
export function layerName({ weights, facts }, name, place) {
  const shape = weights.find((one) => one.name === name)?.shape ?? [], count = shape.reduce((product, side) => product * side, 1);
  const leftOut = name.startsWith(`${facts.classifier}.`) ? ", never quantized" : "";
  return `${place} · ${kindOf(name, shape)} · ${shape.join("×")} (${count.toLocaleString("en")} weights${leftOut})`;
}

/** @param {string} name @param {number[]} shape */
function kindOf(name, shape) {
  if (shape.length < 3) return name.endsWith("in_proj_weight") ? "attention, inputs" : "linear layer";
  return `${shape[1] === 1 ? "depthwise " : ""}${shape.slice(2).join("×")} conv`;
}

/** @param {LayerRounding} seen */
export function showLayer(seen) {
  byId("layer-said").textContent = layerSentence(seen);
  byId("layer-chart").replaceChildren(weightsChart(seen).svg);
}

/** @param {LayerRounding} seen @returns {string} what this width does to this layer */
export function layerSentence({ bits, grid, byChannel, used, clipped, total, relativeError }) {
  const taken = `At ${bits} bits a weight can take ${grid.length} values${byChannel ? " in each channel" : ""}; `
    + `${used} of them are used${byChannel ? " in some channel" : ""}.`;
  const beyond = clipped
    ? `${clipped.toLocaleString("en")} of ${total.toLocaleString("en")} weights (${percent(clipped / total)}) lie beyond the grid's ends and are cut off.`
    : "No weight lies beyond the grid's ends.";
  return `${taken} ${beyond} Rounding moves the weights by ${percent(relativeError)} of their size.`;
}

/** @param {LayerRounding} seen @returns {Chart} */
function weightsChart({ edges, counts, grid, byChannel, total }) {
  const low = edges[0], high = edges[edges.length - 1];
  const chart = new Chart(
    { low, high, label: byChannel ? "weight ÷ step size of its channel" : "weight" },
    { low: 0, high: 1.08 * Math.max(...counts), label: "weights" },
    `Histogram of ${total.toLocaleString("en")} weights between ${shortly(low)} and ${shortly(high)}, with the `
      + `${grid.length} levels of the grid as lines`,
  );
  const half = (grid[1] - grid[0]) / 2, seen = grid.filter((one) => one >= low && one <= high).length;
  chart.band(low, grid[0] - half, "var(--clipped)");
  chart.band(grid[grid.length - 1] + half, high, "var(--clipped)");
  chart.bars(edges, counts, "var(--erm)");
  chart.verticals(grid, "var(--grid-line)", seen <= 20 ? 1.8 : 0.7);
  return chart;
}
