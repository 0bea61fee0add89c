// What stands around a chart: title, legend, its numbers as a table that opens.

import { tools } from "../figures/tools.js";
import { element } from "./dom.js";

/** @typedef {[string, string, string]} Entry marker, ink, words */

/**
 * @param {string} title
 * @param {Entry[]} entries
 * @param {import("./chart.js").Chart} chart
 * @param {HTMLElement | null} table
 * @returns {HTMLElement}
 */
export function figure(title, entries, chart, table = null) {
  const legend = element("span", { class: "legend" }, ...entries.map(([marker, ink, words]) => (
    element("span", {}, element("b", { style: `color:${ink}`, "aria-hidden": "true" }, marker), ` ${words}`)
  )));
  return element("figure", { class: "plot" }, element("figcaption", {}, title, legend), chart.svg,
    table && folded("The same as a table", table), tools());
}

/** Content that opens on demand. @param {string} summary @param {HTMLElement} content @returns {HTMLElement} */
export function folded(summary, content) {
  return element("details", { class: "folded" }, element("summary", {}, summary),
    element("div", { class: "scroll", tabindex: "0" }, content));
}

/**
 * A plain table; the first cell of a row is its heading.
 * @param {string[]} head
 * @param {(Node | string)[][]} rows
 * @param {string} caption
 * @returns {HTMLElement}
 */
export function table(head, rows, caption) {
  return element("table", { class: "numbers" }, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...head.map((one) => element("th", { scope: "col" }, one)))),
    element("tbody", {}, ...rows.map(([first, ...cells]) => (
      element("tr", {}, element("th", { scope: "row" }, first), ...cells.map((one) => element("td", {}, one)))
    ))));
}
