// Shift it's chart: how probable each model holds the watched class, at every severity; the same in numbers.

import { Chart } from "./chart.js";
import { csvText } from "./csv.js";
import { figure, table } from "./figure.js";
import { fixed, plain, tenths } from "./sentences.js";
import { MOST_SEVERE } from "./shifts.js";

/** @typedef {import("./predictions.js").Prediction} Prediction */
/** @typedef {import("./chart.js").Point} Point */
/**
 * What is watched: a shift by name and title, the class, the models' predictions at severities 0, 1, ...
 * @typedef {{shift: string, title: string, label: string, steps: Prediction[][]}} Series
 */

const TICKS = [0, 25, 50, 75, 100];

/**
 * @param {Series} series
 * @param {number} severity where the slider is
 * @param {Prediction[]} here the models' answers there
 * @param {Record<string, {marker: string}>} methods
 * @returns {HTMLElement}
 */
export function probabilityFigure({ title, label, steps }, severity, here, methods) {
  const name = plain(label), [models] = steps;
  const chart = new Chart(
    { low: -0.15, high: MOST_SEVERE + 0.15, label: `severity of: ${title.toLowerCase()}`, ticks: steps.map((_, at) => [at, String(at)]) },
    { low: -3, high: 103, label: `probability of ${name}, %`, ticks: TICKS.map((one) => [one, String(one)]) },
    `Each model's probability of ${name} at severities 0 to ${MOST_SEVERE}; the table has the numbers`,
    320,
  );
  chart.verticals([severity], "var(--focus)", 1.5);
  for (const one of here) chart.markers([[severity, 100 * of(one, label)]], "var(--focus)", "–");
  // EoQ behind, so that the lines it covers stay visible.
  [...models.keys()].reverse().forEach((place) => {
    const ink = `var(--${models[place].method})`;
    const points = steps.map((each, at) => /** @type {Point} */ ([at, 100 * of(each[place], label)]));
    chart.line(points, ink);
    chart.markers(points, ink, methods[models[place].method].marker);
  });
  return figure(`Probability of ${name}`, models.map((one) => [methods[one.method].marker, `var(--${one.method})`, one.name]), chart);
}

/** The chart's numbers and each model's class. @param {Series} series @returns {HTMLElement} */
export function probabilityTable({ label, steps }) {
  const rows = steps.map((each, severity) => [String(severity), ...each.map((one) => {
    const said = tenths(of(one, label));
    return one.label === label ? said : `${said} (says ${plain(one.label)})`;
  })]);
  const caption = `Probability of ${plain(label)}; in brackets what a model says instead`;
  return table(["severity", ...steps[0].map((one) => one.name)], rows, caption);
}

/**
 * One line a severity and model: what it says, and the probability of every class, 0..1.
 * @param {Series} series
 * @param {string} heldOut "dataset/domain"
 * @param {Record<string, string>} networks by method the checkpoint's name, which has its seed
 * @returns {string}
 */
export function probabilityCsv({ shift, label, steps }, heldOut, networks) {
  const head = ["held-out domain", "shift", "severity", "model", "network", "says", "chosen class", "its probability"];
  const rows = steps.flatMap((each, severity) => each.map((one) => [
    heldOut, shift, severity, one.name, networks[one.method] ?? "", one.label, label, fixed(of(one, label), 6),
    ...one.probabilities.map((part) => fixed(part, 6)),
  ]));
  return csvText([...head, ...steps[0][0].classes], rows);
}

/** @param {Prediction} prediction @param {string} label */
function of({ classes, probabilities }, label) {
  return probabilities[classes.indexOf(label)];
}
