// Answers as the page shows them: a sentence, a card for each model, EoQ's members.

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
 *   marker: string, bits: number, averaged: boolean, sizeBytes: number | null, bitsPerWeight: number,
 *   measured: Accuracy | null
 * }} Facts
 * @typedef {{prediction: Prediction, facts: Facts, milliseconds: number}} Answer
 */

const MOST_BARS = 10;
const MEANINGS = /** @type {[string, string][]} */ ([
  ["uncertainty", "the entropy of the probabilities, 0 bits when certain"],
  ["energy", "minus the log of the summed exponentials of the logits (Liu et al., 2020); where it is higher than for "
    + "all but 5 % of the source domains' validation images, the hint comes that the picture shows none of the classes"],
  ["bits a weight", "in the file, step sizes included"],
  ["time", "one pass of this picture on this machine; rounded weights are computed with as 32-bit numbers, so a "
    + "single network takes as long rounded as in full precision"],
]);
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
    ...(hint ? [element("div", { class: "notice hint" }, element("p", {}, hint), hintTable(predictions))] : []),
    element("p", { class: "summary" }, summary(predictions),
      aside ? element("span", { class: "aside" }, aside) : null),
    element("div", { class: "cards" }, ...answers.map((one) => card(one, classes, label))),
    ...predictions.filter((one) => one.members.length).map(ballot),
    moreNumbers(answers),
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
export function card({ prediction, facts }, classes, known) {
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
  const { measured, sizeBytes } = facts, doubted = prediction.hint?.unfamiliar;
  const rows = /** @type {[string, string, string][]} */ ([
    ...(sizeBytes === null ? [] : [["on disk", `${fixed(sizeBytes / 1e6, 2)} MB`, ""]]),
    measured
      ? ["held-out accuracy", tenths(measured.correct / measured.total), `${grouped(measured.correct)} of ${grouped(measured.total)}`]
      : ["held-out accuracy", "not measured", ""],
  ]);
  const kind = count ? `${count} networks of ${facts.bits} bits` : kindOf(facts.bits, facts.averaged);
  return element("section", { class: "card", "aria-label": name, style: `--ink: var(--${method})` },
    element("h2", {}, element("span", { class: "marker", "aria-hidden": "true" }, facts.marker), name),
    element("p", { class: "kind" }, kind),
    element("p", { class: doubted ? "verdict doubted" : "verdict" },
      doubted ? element("em", {}, "perhaps none of these; likeliest") : null,
      element("strong", {}, plain(prediction.label)),
      element("span", {}, tenths(prediction.confidence))),
    element("ul", { class: "bars", "aria-label": `Probability of each class, ${name}` }, ...bars),
    element("dl", { class: "facts" }, ...rows.map(([term, value, note]) => (
      element("div", {}, element("dt", {}, term), element("dd", {}, value,
        note ? element("span", { class: "counts" }, note) : null))
    ))));
}

/** @param {number} width bits @param {boolean} averaged weights @returns {string} */
export function kindOf(width, averaged) {
  const words = width === 32 ? "full precision, 32 bits" : `quantized, ${width} bits`;
  return averaged ? `${words}, averaged weights` : words;
}

/**
 * Of each answer what few look for, with each term's meaning beside it, folded away.
 * @param {Answer[]} answers
 * @returns {HTMLElement}
 */
function moreNumbers(answers) {
  const hinting = answers.some(({ prediction }) => prediction.hint);
  const rows = MEANINGS.filter(([term]) => term !== "energy" || hinting).map(([term, meaning]) => (
    element("tr", {},
      element("th", { scope: "row" }, term, element("span", { class: "counts" }, meaning)),
      ...answers.map((one) => {
        const [value, note] = measure(term, one);
        return element("td", {}, value, note ? element("span", { class: "counts" }, note) : null);
      }))
  ));
  const heads = answers.map(({ prediction }) => element("th", { scope: "col" }, prediction.name));
  return element("details", { class: "more" }, element("summary", {}, "Uncertainty, energy, bits, time"),
    element("div", { class: "scroll wide", tabindex: "0" }, element("table", { class: "numbers" },
      element("thead", {}, element("tr", {}, element("td", {}), ...heads)), element("tbody", {}, ...rows))));
}

/**
 * @param {string} term
 * @param {Answer} answer
 * @returns {[string, string]} a value, and a note on it
 */
function measure(term, { prediction, facts, milliseconds }) {
  const count = prediction.members.length;
  if (term === "uncertainty") {
    const share = prediction.entropy / Math.log(prediction.classes.length);
    return [bits(prediction.entropy), `${percent(share)} of a guess`];
  }
  if (term === "energy") return energy(prediction);
  if (term === "time") return [`${fixed(milliseconds, 1)} ms`, ""];
  return [fixed(facts.bitsPerWeight, 1) + (count ? ` × ${count}` : ""), ""];
}

/**
 * What the hint is decided by.
 * @param {Prediction} prediction
 * @returns {[string, string]}
 */
function energy({ hint }) {
  if (!hint) return ["no hint", ""];
  const { energies, thresholds } = hint;
  if (energies.length === 1) {
    return [signed(energies[0]), `hint above ${signed(thresholds[0])}`];
  }
  const above = energies.filter((one, i) => one > thresholds[i]).length;
  return [`${above} of ${energies.length}`, "above their limit"];
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
  const title = `${prediction.name}'s members, each by itself; the mean of their logits decides`;
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
