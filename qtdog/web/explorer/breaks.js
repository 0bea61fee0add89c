// Where a shift breaks a model, in words: the sentences of the page with a server.

import { MOST_SEVERE } from "./shifts.js";
import { listed, plain } from "./sentences.js";

/** @typedef {import("./predictions.js").Prediction} Prediction */
/**
 * Where a model first says another class, what it says there, and where it says the class again.
 * @typedef {{model: string, severity: number | null, says: string, recovers: number | null}} Break
 */

/**
 * @param {Prediction[][]} steps the models' predictions at severities 0, 1, ...
 * @param {string} label
 * @returns {Break[]} one a model
 */
export function breaks(steps, label) {
  return steps[0].map(({ name }, place) => {
    const said = steps.map((predictions) => predictions[place].label);
    const first = said.findIndex((one) => one !== label);
    if (first < 0) return { model: name, severity: null, says: "", recovers: null };
    const again = said.indexOf(label, first);
    return { model: name, severity: first, says: said[first], recovers: again < 0 ? null : again };
  });
}

/**
 * Which model breaks first: the sentence, and more about it.
 * @param {Prediction[][]} steps
 * @param {string} label
 * @returns {[string, string]}
 */
export function breakSentence(steps, label) {
  const found = breaks(steps, label), name = plain(label);
  const broken = found.filter((one) => one.severity !== null), firm = found.filter((one) => one.severity === null).map((one) => one.model);
  if (!broken.length) {
    const none = firm.length > 1 ? "none of them breaks" : "it does not break";
    return [`${listed(firm)} ${say(firm)} ${name} at every severity: ${none}.`, ""];
  }
  const severities = broken.map((one) => Number(one.severity)), first = Math.min(...severities);
  const earliest = broken.filter((one) => one.severity === first), models = earliest.map((one) => one.model);
  const says = listed([...new Set(earliest.map((one) => plain(one.says)))]);
  const lead = first === 0
    ? `${listed(models)} ${say(models)} ${says} and not ${name}, even unchanged.`
    : `${listed(models)} ${models.length === 1 ? "breaks" : "break"} first, at severity ${first}, and ${say(models)} ${says}.`;
  const later = broken.filter((one) => one.severity !== first).sort((one, other) => Number(one.severity) - Number(other.severity));
  const asides = later.map((one) => `${one.model} follows at severity ${one.severity} (${plain(one.says)}).`);
  if (firm.length) asides.push(`${listed(firm)} ${say(firm)} ${name} up to severity ${MOST_SEVERE}.`);
  for (const one of broken) {
    if (one.recovers !== null) asides.push(`${one.model} says ${name} again at severity ${one.recovers}.`);
  }
  return [lead, asides.join(" ")];
}

/**
 * The lowest severity at which some model says another class.
 * @param {Prediction[][]} steps
 * @param {string} label
 * @returns {number | null}
 */
export function firstBreak(steps, label) {
  const found = breaks(steps, label).flatMap((one) => (one.severity === null ? [] : [one.severity]));
  return found.length ? Math.min(...found) : null;
}

/** @param {string[]} models */
function say(models) {
  return models.length === 1 ? "says" : "say";
}
