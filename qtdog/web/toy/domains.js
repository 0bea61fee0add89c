/** Two moons in three source domains and a held-out one, or points that somebody drew. */

import { ANGLES, SCATTER, THIRD, stream } from "./draws.js";

/** @typedef {import("./settings.js").Settings} Settings */
/**
 * @typedef {object} Points
 * @property {Float64Array} inputs one point after the other, `dimensions` numbers each
 * @property {Uint8Array} labels 0 or 1
 * @property {number} dimensions 2, or 3 where a third input is correlated with the class
 */
/** @typedef {{ parts: Points[], source: Points, heldOut: Points }} Domains */

export const SOURCES = 3;
const MOST_POINTS = 4096; // room for a domain's points in the streams
const THIRD_SPREAD = 0.3;

/**
 * The four domains (`parts`, the held-out one last), and the sources put together.
 * @param {number} seed  @param {Settings} settings
 * @returns {Domains}
 */
export function domains(seed, settings) {
  const parts = [0, 1, 2, 3].map((domain) =>
    settings.shift === "drawn"
      ? drawnPoints(settings.drawn[domain])
      : moons(seed, settings, domain, settings.points * (domain === SOURCES ? SOURCES : 1)),
  );
  return { parts, source: joined(parts.slice(0, SOURCES)), heldOut: parts[SOURCES] };
}

/** @param {number} seed  @param {Settings} settings  @param {number} domain  @param {number} count */
function moons(seed, settings, domain, count) {
  const [angles, scatter, third] = [ANGLES, SCATTER, THIRD].map((one) => stream(seed, one));
  const dimensions = settings.shift === "correlation" ? 3 : 2;
  const inputs = new Float64Array(count * dimensions), labels = new Uint8Array(count);
  const noise = settings.noise * times(settings, "noise", domain);
  const turn = (fromMiddle(settings, "rotation", domain) * Math.PI) / 180;
  const size = times(settings, "scale", domain), moved = fromMiddle(settings, "displacement", domain);
  for (let i = 0; i < count; i++) {
    const place = domain * MOST_POINTS + i, second = i % 2;
    const angle = Math.PI * angles.uniform(place);
    const x = (second ? 1 - Math.cos(angle) : Math.cos(angle)) - 0.5 + noise * scatter.normal(2 * place);
    const y = (second ? 0.5 - Math.sin(angle) : Math.sin(angle)) - 0.25 + noise * scatter.normal(2 * place + 1);
    labels[i] = second;
    inputs[i * dimensions] = size * (x * Math.cos(turn) - y * Math.sin(turn)) + moved;
    inputs[i * dimensions + 1] = size * (x * Math.sin(turn) + y * Math.cos(turn));
    if (dimensions === 3) {
      // In the held-out domain it tells nothing; in one source less than in the one before.
      const tells = domain === SOURCES ? 0.5 : settings.strength - 0.05 * domain;
      const agrees = third.uniform(3 * place) < tells;
      inputs[i * 3 + 2] =
        (agrees === (second === 1) ? 1 : -1) + THIRD_SPREAD * third.normal(3 * place + MOST_POINTS * 32);
    }
  }
  return { inputs, labels, dimensions };
}

/** The held-out domain has the whole strength, the sources minus a half of it, 0 and a half. */
function fromMiddle(/** @type {Settings} */ settings, /** @type {string} */ shift, /** @type {number} */ domain) {
  return settings.shift === shift ? settings.strength * [-0.5, 0, 0.5, 1][domain] : 0;
}

/** The same around 1, with a third: a factor must not become negative. */
function times(/** @type {Settings} */ settings, /** @type {string} */ shift, /** @type {number} */ domain) {
  return settings.shift === shift ? 1 + (settings.strength - 1) * [-1 / 3, 0, 1 / 3, 1][domain] : 1;
}

/** @param {import("./settings.js").DrawnPoint[]} drawn  @returns {Points} */
function drawnPoints(drawn) {
  return {
    inputs: Float64Array.from(drawn.flatMap((one) => [one.x, one.y])),
    labels: Uint8Array.from(drawn.map((one) => one.label)),
    dimensions: 2,
  };
}

/** @param {Points[]} parts  @returns {Points} */
function joined(parts) {
  return {
    inputs: Float64Array.from(parts.flatMap((one) => [...one.inputs])),
    labels: Uint8Array.from(parts.flatMap((one) => [...one.labels])),
    dimensions: parts[0].dimensions,
  };
}
