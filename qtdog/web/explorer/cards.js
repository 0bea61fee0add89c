// Answers as the page shows them: a sentence, a card for each model, EoQ's votes.

import { element } from "./dom.js";
import { memberLabels } from "./predictions.js";
import {
  apart, DIGITS, flaggedOn, percent, plain, SOURCE, summary, TARGET, tenths, truth, unfamiliar, votes, bits, fixed,
} from "./sentences.js";

/** @typedef {import("./predictions.js").Prediction} Prediction */
/** @typedef {import("./manifest.js").Accuracy} Accuracy */

/**
 * What is known of a model beside its answer.
 * @typedef {{
 *   marker: string, bits: number, sizeBytes: number | null, bitsPerWeight: number, measured: Accuracy | null
 * }} Facts
 * @typedef {{prediction: Prediction, facts: Facts, milliseconds: number}} Answer
 */

const MOST_BARS = 10;
const KINDS = /** @type {[string, string][]} */ ([
  [SOURCE, "validation pictures of the learned domains, which show the classes"],
  [TARGET, "all pictures of the held-out domain, which show the classes"],
  [DIGITS, "scikit-learn's handwritten digits, which do not"],
]);

/**
 * All of it.
 * @param {Answer[]} answers
 * @param {string | null} known the picture's class
 * @returns {HTMLElement[]}
 */
export function results(answers, known) {
  const predictions = answers.map((one) => one.prediction);
  const label = known !== null && predictions[0].classes.includes(known) ? known : null;
  const asides = [label === null ? "" : truth(predictions, label), ...predictions.map(votes)];
  const aside = asides.filter(Boolean).join(" ");
  const classes = classesShown(predictions, label);
  const hint = unfamiliar(predictions);
  return [
    element("p", { class: "summary" }, summary(predictions),
      aside ? element("span", { class: "aside" }, aside) : null),
    ...(hint ? [element("div", { class: "notice hint" }, element("p", {}, hint), hintTable(predictions))] : []),
    element("div", { class: "cards" }, ...answers.map((one) => card(one, classes, label))),
    ...predictions.filter((one) => one.members.length).map(ballot),
  ];
}

/**
 * The classes that get a bar, the same on every card.
 * @param {Prediction[]} predictions
 * @param {string | null} known
 * @returns {string[]}
 */
function classesShown(predictions, known) {
  const { classes } = predictions[0];
  if (classes.length <= MOST_BARS) return classes;
  const highest = classes.map((_, i) => Math.max(...predictions.map((one) => one.probabilities[i])));
  const order = classes.map((_, i) => i).sort((one, other) => (
    Number(classes[other] === known) - Number(classes[one] === known) || highest[other] - highest[one]
  ));
  return order.slice(0, MOST_BARS - 1).sort((one, other) => one - other).map((i) => classes[i]);
}

/**
 * @param {Answer} answer
 * @param {string[]} classes
 * @param {string | null} known
 * @returns {HTMLElement}
 */
export function card({ prediction, facts, milliseconds }, classes, known) {
  const { name, method } = prediction, count = prediction.members.length;
  const of = new Map(prediction.classes.map((label, i) => [label, prediction.probabilities[i]]));
  const bars = classes.map((label) => (
    bar(plain(label), of.get(label) ?? 0, label === prediction.label, label === known)
  ));
  const others = prediction.classes.filter((label) => !classes.includes(label));
  if (others.length) {
    const sum = others.reduce((total, label) => total + (of.get(label) ?? 0), 0);
    bars.push(bar(`${others.length} others`, sum, false, false));
  }
  const share = prediction.entropy / Math.log(prediction.classes.length);
  const { measured, sizeBytes } = facts;
  const rows = /** @type {[string, string, string][]} */ ([
    ["uncertainty", bits(prediction.entropy), `${percent(share)} of a guess`],
    ...energy(prediction),
    ...(sizeBytes === null ? [] : [["on disk", `${fixed(sizeBytes / 1e6, 1)} MB`, ""]]),
    ["bits a weight", fixed(facts.bitsPerWeight, 1) + (count ? ` × ${count}` : ""), ""],
    ["time", `${fixed(milliseconds, 1)} ms`, ""],
    measured
      ? ["held-out accuracy", tenths(measured.correct / measured.total), `${grouped(measured.correct)} of ${grouped(measured.total)}`]
      : ["held-out accuracy", "not measured", ""],
  ]);
  const kind = count ? `${count} networks of ${facts.bits} bits` : kindOf(facts.bits);
  return element("section", { class: "card", "aria-label": name, style: `--ink: var(--${method})` },
    element("h2", {}, element("span", { class: "marker", "aria-hidden": "true" }, facts.marker), name),
    element("p", { class: "kind" }, kind),
    element("p", { class: "verdict" }, element("strong", {}, plain(prediction.label)),
      element("span", {}, tenths(prediction.confidence))),
    element("ul", { class: "bars", "aria-label": `Probability of each class, ${name}` }, ...bars),
    element("dl", { class: "facts" }, ...rows.map(([term, value, note]) => (
      element("div", {}, element("dt", {}, term), element("dd", {}, value,
        note ? element("span", { class: "counts" }, note) : null))
    ))));
}

/** @param {number} width bits @returns {string} */
export function kindOf(width) {
  return width === 32 ? "full precision, 32 bits" : `quantized, ${width} bits`;
}

/**
 * What the hint is decided by; nothing without a threshold.
 * @param {Prediction} prediction
 * @returns {[string, string, string][]}
 */
function energy({ hint }) {
  if (!hint) return [];
  const { energies, thresholds } = hint;
  if (energies.length === 1) {
    return [["energy", signed(energies[0]), `hint above ${signed(thresholds[0])}`]];
  }
  const above = energies.filter((one, i) => one > thresholds[i]).length;
  return [["energy", `${above} of ${energies.length}`, "above their limit"]];
}

/**
 * @param {string} label
 * @param {number} probability
 * @param {boolean} chosen
 * @param {boolean} known
 * @returns {HTMLElement}
 */
function bar(label, probability, chosen, known) {
  const marks = [chosen ? "chosen" : "", known ? "truth" : ""].filter(Boolean).join(" ");
  return element("li", { class: marks },
    element("span", { class: "name" }, label),
    element("span", { class: "track", "aria-hidden": "true" },
      element("span", { class: "fill", style: `width:${fixed(probability * 100, 2)}%` })),
    element("span", { class: "value" }, tenths(probability)));
}

/**
 * EoQ's members, each with its class and how sure it is.
 * @param {Prediction} prediction
 * @returns {HTMLElement}
 */
function ballot(prediction) {
  const title = `${prediction.name}'s members, one vote each`;
  const labels = memberLabels(prediction);
  const chips = prediction.members.map((member, place) => (
    element("li", { class: labels[place] === prediction.label ? "agrees" : "dissents" },
      element("span", { class: "who" }, `member ${place + 1}`),
      element("span", { class: "class" }, plain(labels[place])),
      element("span", { class: "sure" }, tenths(Math.max(...member))))
  ));
  return element("section", { class: "votes" }, element("h2", {}, title),
    element("ol", { "aria-label": title }, ...chips),
    element("p", { class: "apart" }, apart(prediction)));
}

/**
 * How often each model's hint comes, by kind of images, folded away.
 * @param {Prediction[]} predictions
 * @returns {HTMLElement}
 */
function hintTable(predictions) {
  const hinting = predictions.filter((one) => one.hint);
  const rows = KINDS.map(([images, kind]) => (
    element("tr", {}, element("th", { scope: "row" }, kind), ...hinting.map((one) => {
      const flagged = flaggedOn(one, images);
      if (!flagged) return element("td", {}, "not measured");
      return element("td", {}, tenths(flagged.flagged / flagged.total),
        element("span", { class: "counts" }, `${grouped(flagged.flagged)} of ${grouped(flagged.total)}`));
    }))
  ));
  const heads = hinting.map((one) => element("th", { scope: "col" }, one.name));
  return element("details", {}, element("summary", {}, "How often does this hint come?"),
    element("table", {},
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "pictures"), ...heads)),
      element("tbody", {}, ...rows)));
}

/** @param {number} value */
function signed(value) {
  return fixed(value, 1).replace("-", "\u2212");
}

/** @param {number} value */
function grouped(value) {
  return value.toLocaleString("en");
}
