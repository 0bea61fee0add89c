// A figure's numbers as CSV: those of its plots, of its cards, or of the table that goes with it.

/**
 * @typedef {(string | number | null | undefined)[]} Row
 * @typedef {HTMLElement & {numbers?: () => Row[]}} Numbered a figure that a script draws, which knows its numbers
 */

const MARK = "\ufeff"; // so that spreadsheets read UTF-8
const MOST_STEPS = 4; // upwards, to the table beside a figure

/**
 * The text of a CSV file; empty where there is no number.
 * @param {Element} figure
 * @returns {string}
 */
export function csvOf(figure) {
  const given = figure.querySelector("[data-csv]")?.getAttribute("data-csv");
  if (given) return MARK + given;
  const own = /** @type {Numbered} */ (figure).numbers?.();
  if (own) return own.length ? written(own) : "";
  const surfaces = [.../** @type {NodeListOf<HTMLElement>} */ (figure.querySelectorAll(".surface[data-surface]"))].filter((one) => one.checkVisibility());
  if (surfaces.length) return written(ofPlanes(surfaces.map((one) => JSON.parse(one.dataset.surface ?? ""))));
  const plots = /** @type {any[]} */ ([...figure.querySelectorAll(".js-plotly-plot")]).filter((plot) => plot._fullData?.length);
  const rows = plots.length ? ofPlots(plots) : ofCards(figure) ?? ofLists(figure) ?? ofTables(figure);
  return rows.length ? written(rows) : "";
}

/** @param {Row[]} rows @returns {string} */
const written = (rows) => MARK + rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";

/**
 * Numbers stay numbers; what a spreadsheet would run is text; quotes where they are needed.
 * @param {string | number | null | undefined} value
 * @returns {string}
 */
function cell(value) {
  let text = String(value ?? "").replace(/\s+/g, " ").trim().replace("\u2212", "-");
  if (/^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(text)) text = text.replaceAll(",", "");
  if (/^[=+@-]/.test(text) && !/^[+-]?[\d.]+(e[+-]?\d+)?( (to|±) -?[\d.]+)?( %)?$/.test(text)) text = `'${text}`;
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {any[]} plots @returns {Row[]} */
function ofPlots(plots) {
  const planes = plots.filter((plot) => plot.data[0]?.meta?.loss);
  if (planes.length) return ofPlanes(planes.map((plot) => plot.data[0].meta));
  const traces = plots.flatMap((plot) => plot._fullData).filter((trace) => trace.visible === true && trace.x);
  const grids = traces.filter((trace) => trace.z), lines = traces.filter((trace) => !trace.z);
  /** @type {Row[]} */
  const rows = [["series", "x", "y", "z", "x error", "y error"]];
  for (const { x, y, z, name } of grids)
    [...y].forEach((height, row) => [...x].forEach((width, column) => rows.push([name, width, height, z[row][column]])));
  for (const { x, y, name, error_x, error_y } of lines)
    [...x].forEach((at, place) => rows.push([name, at, y[place], null, error_x?.array?.[place], error_y?.array?.[place]]));
  return rows.length > 1 ? rows : [];
}

/**
 * @typedef {{name: string, x: number[], y: number[], loss: number[][], accuracy: number[][]}} Plane of the landscape, a row for each y
 * @param {Plane[]} planes @returns {Row[]}
 */
function ofPlanes(planes) {
  return [["network", "x", "y", "loss (nats)", "accuracy (%)"], ...planes.flatMap(({ name, x, y, loss, accuracy }) =>
    y.flatMap((height, row) => x.map((width, column) => [name, width, height, loss[row][column], accuracy[row][column]])))];
}

/** @param {Element} figure @returns {Row[] | null} of each model the probability of each class */
function ofCards(figure) {
  const cards = [...figure.querySelectorAll(".card")].filter((card) => card.querySelector(".bars li"));
  if (!cards.length) return null;
  const rows = cards.flatMap((card) => [...card.querySelectorAll(".bars li")].map((bar) =>
    [card.getAttribute("aria-label"), bar.querySelector(".name")?.textContent, bar.querySelector(".value")?.textContent]));
  return [["model", "class", "probability"], ...rows];
}

/** @param {Element} figure @returns {Row[] | null} */
function ofLists(figure) {
  const rows = [...figure.querySelectorAll(":scope > .memory li")].map((one) => [...one.children].map(words));
  return rows.length ? rows : null;
}

/** @param {Element} figure @returns {Row[]} of the tables in it, else of the first one beside it */
function ofTables(figure) {
  let tables = [...figure.querySelectorAll("table")];
  let around = figure.parentElement;
  for (let step = 0; !tables.length && around && step < MOST_STEPS; step += 1, around = around.parentElement)
    tables = [...around.querySelectorAll("table")].slice(0, 1);
  return tables.flatMap((table, place) => [
    ...(place ? [[]] : []),
    ...[...table.rows].filter((row) => row.cells.length).map((row) => [...row.cells].map(words)),
  ]);
}

/** @param {Element} one @returns {string} what it says, its parts apart */
function words(one) {
  const parts = [...one.childNodes].map((part) => (part.textContent ?? "").trim()).filter(Boolean);
  return parts.join(" ");
}
