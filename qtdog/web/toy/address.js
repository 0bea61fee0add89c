/** The tab's part of the address: what is set and which parts are hidden, under names of its own. */

import { ARMS, MOST_DRAWN, NUMBERS, SHIFTS, defaults } from "./settings.js";

/** @typedef {import("./settings.js").Settings} Settings */

const PREFIX = "toy-";
/** Parts that a class may not need. */
export const PARTS = ["scenes", "controls", "domains", "scores", "weights", "valleys", "curves", "luck", "claims"];
const NAMES = /** @type {Record<string, string>} */ ({ quantizeStep: "quantize" }); // shorter in the address
const YES_OR_NO = /** @type {const} */ (["averaged", "ensemble"]);
const LONGEST_QUOTE = 40;
// A drawn point is two letters: places from left to right and from top to bottom.
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
/** How far from the middle one can draw. */
export const DRAWN_REACH = 2;

/**
 * What an address says; what it says wrongly is left out and named.
 * @param {string} search  @returns {{ settings: Settings, hidden: string[], problems: string[] }}
 */
export function read(search) {
  const query = new URLSearchParams(search), settings = defaults();
  /** @type {string[]} */
  const problems = [], values = /** @type {Record<string, any>} */ (settings);
  const take = (/** @type {string} */ name, /** @type {(text: string) => unknown} */ parse, /** @type {string} */ must) => {
    const text = query.get(PREFIX + (NAMES[name] ?? name));
    if (text === null) return;
    const value = parse(text);
    if (value !== undefined) values[name] = value;
    else {
      const quote = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
      problems.push(`This link's ${PREFIX}${NAMES[name] ?? name} "${quote}" was ignored: ${must}.`);
    }
  };
  const oneOf = (/** @type {object} */ of) => (/** @type {string} */ text) => (Object.hasOwn(of, text) ? text : undefined);
  const number = (/** @type {{ low: number, high: number, by: number }} */ { low, high, by }) => (/** @type {string} */ text) => {
    const value = /^\d{1,5}(\.\d{1,4})?$/.test(text) ? Number(text) : NaN;
    const steps = (value - low) / by;
    return value >= low && value <= high && Math.abs(steps - Math.round(steps)) < 1e-6 ? value : undefined;
  };
  take("shift", oneOf(SHIFTS), `it can be ${Object.keys(SHIFTS).join(", ")}`);
  const of = SHIFTS[/** @type {keyof typeof SHIFTS} */ (settings.shift)];
  settings.strength = of.usual;
  take("strength", number(of), limits(of));
  for (const [name, one] of Object.entries(NUMBERS)) take(name, number(one), limits(one));
  take("arm", oneOf(ARMS), `it can be ${Object.keys(ARMS).join(", ")}`);
  for (const name of YES_OR_NO) take(name, (text) => ({ true: true, false: false })[text], "it can be true, false");
  take("drawn", drawnOf, "it holds no points that can be read");
  const hide = { hidden: /** @type {string[]} */ ([]) };
  const asked = query.get(`${PREFIX}hide`);
  if (asked !== null) {
    hide.hidden = asked.split(",").filter((one) => PARTS.includes(one));
    if (asked.split(",").some((one) => one && !PARTS.includes(one))) {
      problems.push(`This link's ${PREFIX}hide names parts that there are not: it can be ${PARTS.join(", ")}.`);
    }
  }
  return { settings, ...hide, problems };
}

/** An address's query with the tab's part of it set anew; defaults are left out. */
export function written(/** @type {string} */ search, /** @type {Settings} */ settings, /** @type {string[]} */ hidden) {
  const query = new URLSearchParams(search), usual = /** @type {Record<string, any>} */ (defaults());
  const values = /** @type {Record<string, any>} */ (settings);
  for (const name of ["shift", "strength", ...Object.keys(NUMBERS), "arm", ...YES_OR_NO]) {
    const unset = name === "strength" ? SHIFTS[/** @type {keyof typeof SHIFTS} */ (settings.shift)].usual : usual[name];
    put(query, NAMES[name] ?? name, values[name] === unset ? "" : String(values[name]));
  }
  put(query, "drawn", settings.shift === "drawn" ? textOf(settings.drawn) : "");
  put(query, "hide", hidden.join(","));
  return `?${query}`;
}

function put(/** @type {URLSearchParams} */ query, /** @type {string} */ name, /** @type {string} */ text) {
  if (text) query.set(PREFIX + name, text);
  else query.delete(PREFIX + name);
}

function limits(/** @type {{ low: number, high: number, by: number }} */ { low, high, by }) {
  return `it is a number from ${low} to ${high} in steps of ${by}`;
}

/** By domain the points of class 0, "~", those of class 1. @param {import("./settings.js").DrawnPoint[][]} drawn */
function textOf(drawn) {
  const letter = (/** @type {number} */ value) =>
    LETTERS[Math.max(0, Math.min(63, Math.round(((value / DRAWN_REACH + 1) / 2) * 63)))];
  return drawn
    .map((points) => [0, 1]
      .map((label) => points.filter((one) => one.label === label).map((one) => letter(one.x) + letter(one.y)).join(""))
      .join("~"))
    .join(".");
}

/** @returns {import("./settings.js").DrawnPoint[][] | undefined} */
function drawnOf(/** @type {string} */ text) {
  if (!/^([\w-]*~[\w-]*\.){3}[\w-]*~[\w-]*$/.test(text)) return undefined;
  const value = (/** @type {string} */ one) => ((LETTERS.indexOf(one) / 63) * 2 - 1) * DRAWN_REACH;
  const domains = text.split(".").map((domain) => domain.split("~").flatMap((part, label) =>
    (part.match(/../g) ?? []).map(([x, y]) => ({ x: value(x), y: value(y), label: /** @type {0 | 1} */ (label) }))));
  return domains.every((one) => one.length <= MOST_DRAWN) ? domains : undefined;
}
