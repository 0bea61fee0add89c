/** What is set on the tab: its values, their limits, and what it begins with. */

/** @typedef {{ x: number, y: number, label: 0 | 1 }} DrawnPoint */
/**
 * @typedef {object} Settings
 * @property {string} shift one of SHIFTS
 * @property {number} strength in the shift's unit
 * @property {number} noise deviation of the points from their moons, whose radius is 1
 * @property {number} points of each source domain; the held-out one has as many as all of them
 * @property {number} layers hidden ones
 * @property {number} width of each of them
 * @property {number} rate Adam's
 * @property {number} bits
 * @property {number} quantizeStep
 * @property {string} arm what is compared with full precision, one of ARMS
 * @property {boolean} averaged
 * @property {boolean} ensemble
 * @property {number} seed
 * @property {DrawnPoint[][]} drawn by domain, the held-out one last
 */

export const STEPS = 2000;

/** How domains may differ; strengths as the slider has them. */
export const SHIFTS = {
  rotation: { label: "Rotation", unit: "°", low: 0, high: 90, by: 5, usual: 60 },
  correlation: { label: "Correlated input", unit: "", low: 0.5, high: 1, by: 0.05, usual: 0.95 },
  noise: { label: "Noise", unit: "×", low: 1, high: 4, by: 0.25, usual: 2 },
  scale: { label: "Scale", unit: "×", low: 1, high: 3, by: 0.25, usual: 1.5 },
  displacement: { label: "Displacement", unit: "", low: 0, high: 2, by: 0.25, usual: 0.75 },
  drawn: { label: "Drawn by hand", unit: "", low: 0, high: 1, by: 1, usual: 0 },
};

/** What can be compared with full precision. */
export const ARMS = {
  "qt-dog": "rounding (QT-DoG)",
  noise: "noise of the same size",
  frozen: "rounding, then frozen",
  rounded: "rounding after training",
};

/** Numbers: lowest, highest, the slider's step, the default. */
export const NUMBERS = {
  noise: { low: 0.05, high: 0.4, by: 0.05, usual: 0.15 },
  points: { low: 20, high: 200, by: 10, usual: 100 },
  layers: { low: 1, high: 3, by: 1, usual: 2 },
  width: { low: 2, high: 32, by: 1, usual: 16 },
  rate: { low: 0.005, high: 0.1, by: 0.005, usual: 0.02 },
  bits: { low: 2, high: 8, by: 1, usual: 3 },
  quantizeStep: { low: 0, high: 1900, by: 100, usual: 800 },
  seed: { low: 0, high: 9999, by: 1, usual: 14 },
};

/** @returns {Settings} what the tab begins with, which shows the effect */
export function defaults() {
  const numbers = Object.fromEntries(Object.entries(NUMBERS).map(([name, one]) => [name, one.usual]));
  return /** @type {Settings} */ (/** @type {unknown} */ ({
    ...numbers, shift: "rotation", strength: SHIFTS.rotation.usual, arm: "qt-dog",
    averaged: false, ensemble: false, drawn: [[], [], [], []],
  }));
}

/** The sizes of the layers, from the inputs to the two classes. */
export function sizesOf(/** @type {Settings} */ settings) {
  const inputs = settings.shift === "correlation" ? 3 : 2;
  return [inputs, ...Array(settings.layers).fill(settings.width), 2];
}

export const FEWEST_DRAWN = 4, MOST_DRAWN = 120;

/** What keeps drawn domains from being trained on, or "". */
export function drawnProblem(/** @type {Settings} */ settings) {
  if (settings.shift !== "drawn") return "";
  const names = ["source 1", "source 2", "source 3", "the held-out domain"];
  for (const [domain, points] of settings.drawn.entries()) {
    const name = names[domain];
    if (points.length < FEWEST_DRAWN) return `Draw at least ${FEWEST_DRAWN} points in ${name}: it has ${points.length}.`;
    if (new Set(points.map((one) => one.label)).size < 2) return `Draw points of both classes in ${name}.`;
  }
  return "";
}
