// CSV as it leaves the page: what a spreadsheet would run as a formula is a text.

import { element } from "./dom.js";

// Also after blanks, which spreadsheets skip; a minus before a number is none.
const FORMULA = /^\s*(?:[=+@\uff1d\uff0b\uff20]|-(?!\d+(\.\d+)?(e[-+]?\d+)?$))/;

/** @typedef {string | number | null} Cell */

/**
 * One line a row below the columns' names; null is an empty cell.
 * @param {string[]} columns
 * @param {Cell[][]} rows
 * @returns {string}
 */
export function csvText(columns, rows) {
  return [columns, ...rows].map((row) => `${row.map(written).join(",")}\n`).join("");
}

/** @param {Cell} cell @returns {string} */
function written(cell) {
  const text = String(cell ?? ""), safe = typeof cell === "string" && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll("\"", "\"\"")}"` : safe;
}

/** A link that saves a CSV. @param {string} text @param {string} name of the file @param {string} words @returns {HTMLElement} */
export function csvLink(text, name, words = "Save the numbers (CSV)") {
  // Without the mark in front spreadsheets take it for the system's own encoding.
  return element("a", { class: "save", download: name, href: `data:text/csv;charset=utf-8,${encodeURIComponent(`\ufeff${text}`)}` }, words);
}
