// What happened, in words: the sentences of the page with a server, said here of the same numbers.

import { memberLabels } from "./predictions.js";

/** @typedef {import("./predictions.js").Prediction} Prediction */
/** @typedef {import("./manifest.js").Flagged} Flagged */

const NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
export const SOURCE = "source validation", TARGET = "held-out domain", DIGITS = "handwritten digits";

/**
 * Who says what, and who is surest.
 * @param {Prediction[]} predictions
 * @returns {string}
 */
export function summary(predictions) {
  const surest = predictions.reduce((best, one) => (one.confidence > best.confidence ? one : best));
  const most = percent(surest.confidence);
  if (predictions.length === 1) return `${surest.name} says ${surest.label} (${most}).`;
  const asSure = predictions.filter((one) => percent(one.confidence) === most).map((one) => one.name);
  const sure = asSure.length === predictions.length
    ? `each is ${most} sure`
    : `${listed(asSure)} ${asSure.length === 1 ? "is" : "are"} surest (${most})`;
  const byLabel = /** @type {Map<string, string[]>} */ (new Map());
  for (const one of predictions) {
    byLabel.set(one.label, [...(byLabel.get(one.label) ?? []), one.name]);
  }
  if (byLabel.size === 1) return `${everybody(predictions.length)} say ${surest.label}; ${sure}.`;
  const camps = [...byLabel].map(([label, names]) => (
    `${listed(names)} ${names.length === 1 ? "says" : "say"} ${label}`
  ));
  return `They disagree: ${camps.join("; ")}. ${sure[0].toUpperCase()}${sure.slice(1)}.`;
}

/**
 * What EoQ's members say; empty without members.
 * @param {Prediction} prediction
 * @returns {string}
 */
export function votes(prediction) {
  if (!prediction.members.length) return "";
  const total = number(prediction.members.length);
  const others = /** @type {Map<string, number>} */ (new Map());
  for (const label of memberLabels(prediction)) others.set(label, (others.get(label) ?? 0) + 1);
  const agreeing = others.get(prediction.label) ?? 0;
  others.delete(prediction.label);
  if (!others.size) return `EoQ's ${total} members all say ${prediction.label}.`;
  const ordered = [...others].sort(([, one], [, other]) => other - one);
  const said = listed(ordered.map(([label, n]) => `${number(n)} ${verb(n)} ${label}`));
  if (!agreeing) {
    return `None of EoQ's ${total} members says ${prediction.label} by itself: ${said}; the mean of `
      + "their logits decides.";
  }
  const agreed = `${number(agreeing)} ${verb(agreeing)} ${prediction.label}`;
  return `Of EoQ's ${total} members, ${agreed}, ${said}.`;
}

/**
 * Who is right about a picture whose class is known.
 * @param {Prediction[]} predictions
 * @param {string} label
 * @returns {string}
 */
export function truth(predictions, label) {
  const right = predictions.filter((one) => one.label === label).map((one) => one.name);
  const wrong = predictions.filter((one) => one.label !== label).map((one) => one.name);
  const others = wrong.length ? `, ${listed(wrong)} ${wrong.length === 1 ? "is" : "are"} wrong` : "";
  let said = `${right.length ? listed(right) : ""} ${right.length === 1 ? "is" : "are"} right${others}.`;
  if (!right.length) said = "None is right.";
  else if (right.length === predictions.length && right.length > 1) {
    said = `${everybody(right.length)} are right.`;
  }
  return `The picture's class is ${label}. ${said}`;
}

/**
 * How far EoQ's members are apart; empty without members.
 * @param {Prediction} prediction
 * @returns {string}
 */
export function apart(prediction) {
  if (prediction.disagreement === null) return "";
  const labels = memberLabels(prediction), total = labels.length;
  const dissenting = labels.filter((label) => label !== prediction.label).length;
  const most = Math.log(Math.min(total, prediction.classes.length));
  const some = dissenting ? capital(number(dissenting)) : "None";
  const who = `${some} of the ${number(total)} members ${dissenting < 2 ? "dissents" : "dissent"}`;
  return `${who} from EoQ's answer. Their disagreement is ${bits(prediction.disagreement)}: `
    + `0 if all give the same probabilities, ${bits(most)} if each is certain of another class.`;
}

/**
 * Who finds the picture unlike its classes, and how often that is wrong; empty for nobody.
 * @param {Prediction[]} predictions
 * @returns {string}
 */
export function unfamiliar(predictions) {
  const hinting = predictions.filter((one) => one.hint?.unfamiliar);
  if (!hinting.length) return "";
  const [finds, they] = hinting.length === 1 ? ["finds", "it"] : ["find", "they"];
  const known = number(predictions[0].classes.length);
  const wrong = /** @type {[string, string][]} */ ([
    [SOURCE, "pictures of the learned domains"], [TARGET, "those of the held-out domain"],
  ]).map(([images, what]) => {
    const shown = shares(hinting.flatMap((one) => flaggedOn(one, images) ?? []));
    return shown && `${shown} of ${what}`;
  }).filter(Boolean);
  const often = wrong.length ? ` This hint comes wrongly for ${wrong.join(" and ")}.` : "";
  return `${listed(hinting.map((one) => one.name))} ${finds} the picture unlike what ${they} learned: `
    + `perhaps it shows none of the ${known} classes.${often}`;
}

/**
 * How often a model's hint comes on some images, where that was measured.
 * @param {Prediction} one
 * @param {string} images
 * @returns {Flagged | undefined}
 */
export function flaggedOn(one, images) {
  return one.hint?.flagged.find((found) => found.images === images);
}

/** @param {number} nats @returns {string} */
export function bits(nats) {
  return `${fixed(nats / Math.LN2, 2)} bits`;
}

/** @param {string} name a folder's @returns {string} as words */
export function plain(name) {
  return name.replaceAll("_", " ");
}

/** @param {number} fraction @returns {string} "93 %"; near the ends as `tenths` */
export function percent(fraction) {
  if ((fraction >= 0.995 && fraction < 1) || (fraction > 0 && fraction < 0.005)) return tenths(fraction);
  return `${fixed(fraction * 100, 0)} %`;
}

/** @param {number} fraction @returns {string} "93.4 %"; never 100 % or 0 % for what is only nearly so */
export function tenths(fraction) {
  if (fraction >= 0.9995 && fraction < 1) return ">99.9 %";
  if (fraction > 0 && fraction < 0.0005) return "<0.1 %";
  return `${fixed(fraction * 100, 1)} %`;
}

/** @param {number} count @returns {string} a small number in words */
export function number(count) {
  return NUMBERS[count] ?? String(count);
}

/** @param {string[]} words @returns {string} "a, b and c" */
export function listed(words) {
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/**
 * A number as Python writes it: exact halves to even.
 * @param {number} value
 * @param {number} digits
 * @returns {string}
 */
export function fixed(value, digits) {
  if (digits === 0 && Math.abs(value % 1) === 0.5) return String(2 * Math.round(value / 2));
  return value.toFixed(digits);
}

/** @param {Flagged[]} flagged @returns {string} */
function shares(flagged) {
  if (!flagged.length) return "";
  const found = flagged.map((one) => fixed((one.flagged / one.total) * 100, 1))
    .sort((one, other) => Number(one) - Number(other));
  return `${[...new Set([found[0], found[found.length - 1]])].join(" to ")} %`;
}

/** @param {number} count */
function verb(count) {
  return count === 1 ? "says" : "say";
}

/** @param {number} count */
function everybody(count) {
  return count === 2 ? "Both" : `All ${number(count)}`;
}

/** @param {string} word */
function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}
