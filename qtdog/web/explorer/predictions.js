// What logits say: probabilities, votes, uncertainty, the hint.

/** @typedef {import("./manifest.js").Model} Model */
/** @typedef {import("./manifest.js").Flagged} Flagged */

/**
 * @typedef {{
 *   unfamiliar: boolean, energies: number[], thresholds: number[], flagged: Flagged[]
 * }} Hint
 * @typedef {{
 *   method: string, name: string, classes: string[], probabilities: number[], members: number[][],
 *   label: string, confidence: number, entropy: number, disagreement: number | null,
 *   hint: Hint | null
 * }} Prediction
 */

/**
 * One model's answer.
 * @param {Model} model
 * @param {string} name as people read it
 * @param {string[]} classes
 * @param {number[][]} logits (networks, classes)
 * @returns {Prediction}
 */
export function prediction(model, name, classes, logits) {
  const probabilities = softmax(meanOf(logits));
  const members = model.method === "eoq" ? logits.map(softmax) : [];
  const confidence = Math.max(...probabilities);
  return {
    method: model.method,
    name,
    classes,
    probabilities,
    members,
    label: classes[probabilities.indexOf(confidence)],
    confidence,
    entropy: entropy(probabilities),
    disagreement: members.length ? disagreement(members) : null,
    hint: hintOf(model, logits),
  };
}

/** @param {number[]} logits @returns {number[]} */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = logits.map((one) => Math.exp(one - largest));
  const sum = powers.reduce((total, one) => total + one, 0);
  return powers.map((one) => one / sum);
}

/** @param {number[][]} rows @returns {number[]} */
function meanOf(rows) {
  return rows[0].map((_, place) => rows.reduce((sum, row) => sum + row[place], 0) / rows.length);
}

/** @param {number[]} probabilities @returns {number} in nats */
export function entropy(probabilities) {
  return -probabilities.reduce((sum, one) => sum + (one > 0 ? one * Math.log(one) : 0), 0);
}

/**
 * The mutual information between class and member, in nats.
 * @param {number[][]} members
 * @returns {number}
 */
function disagreement(members) {
  const apart = members.reduce((sum, one) => sum + entropy(one), 0) / members.length;
  return Math.max(0, entropy(meanOf(members)) - apart);
}

/**
 * @param {Model} model
 * @param {number[][]} logits
 * @returns {Hint | null}
 */
function hintOf({ thresholds, flagged }, logits) {
  if (!thresholds.length) return null;
  const energies = logits.map((each) => {
    const largest = Math.max(...each);
    return -(largest + Math.log(each.reduce((sum, one) => sum + Math.exp(one - largest), 0)));
  });
  const above = energies.filter((energy, place) => energy > thresholds[place]).length;
  return { unfamiliar: 2 * above > energies.length, energies, thresholds, flagged };
}

/**
 * Each member's class.
 * @param {Prediction} one
 * @returns {string[]}
 */
export function memberLabels(one) {
  return one.members.map((member) => one.classes[member.indexOf(Math.max(...member))]);
}
