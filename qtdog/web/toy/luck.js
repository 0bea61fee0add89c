/** "Is it luck?": repeats with many seeds, as dots with their means and intervals. */

import { cleared, coloursOf, variableOf, write } from "./canvas.js";
import { element } from "./element.js";
import { COMPARED, csv, differences, interval } from "./repeats.js";
import { Remote } from "./trainer.js";
import { comparedName, duration, verdict } from "./words.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./repeats.js").Repeat} Repeat */

const MOST_WORKERS = 4, ARMS = Object.keys(COMPARED).slice(1);
const ROW = 34, HEAD = 20, DOT = 3.5; // pixels

/** The panel; `settings` are asked for when it starts. @param {() => Settings | null} settings */
export function luck(settings) {
  /** @type {Repeat[]} */
  let repeats = [];
  let bits = 0; // they were repeated with
  /** @type {(() => void) | null} */
  let stop = null;
  const canvas = element("canvas", { role: "img", "aria-label": "No repeats yet" });
  const said = element("p", { "aria-live": "polite", class: "train-verdicts" });
  const progress = element("span", { role: "status" });
  const halt = element("button", { type: "button", disabled: true, onclick: () => stop?.() }, "Stop");
  const save = element("a", { class: "save", hidden: true, download: "is-it-luck.csv" }, "Save the numbers (CSV)");
  const only = element("select", { "aria-label": "Which arms" },
    element("option", { value: "all" }, "all arms"), element("option", { value: "qt-dog" }, "QT-DoG alone"));
  const buttons = [20, 100, 500].map((count) =>
    element("button", { type: "button", onclick: () => begin(count) }, `${count} seeds`));

  const draw = () => {
    if (repeats.length) drawLuck(canvas, repeats, bits);
  };
  const show = (/** @type {boolean} */ done) => {
    draw();
    const arms = ARMS.filter((arm) => differences(repeats, arm, "rise").length > 1);
    const sentences = arms.map((arm) => verdict(comparedName(arm, bits), ...intervals(repeats, arm)));
    canvas.setAttribute("aria-label", `Differences from full precision over ${repeats.length} seeds. ${sentences.join(" ")}`);
    if (!done) return;
    said.replaceChildren(...sentences.map((one) => element("span", {}, one)));
    const blob = new Blob(["\ufeff", csv(repeats)], { type: "text/csv" });
    URL.revokeObjectURL(save.href);
    save.href = URL.createObjectURL(blob);
    save.hidden = repeats.length === 0;
  };
  const begin = async (/** @type {number} */ count) => {
    const chosen = settings();
    if (!chosen) return;
    repeats = [];
    ({ bits } = chosen);
    said.replaceChildren();
    canvas.hidden = false;
    [halt.disabled, save.hidden] = [false, true];
    buttons.forEach((one) => { one.disabled = true; });
    const started = performance.now(), arms = only.value === "all" ? undefined : [only.value];
    let shown = started, drawn = 0;
    stop = run(chosen, count, arms, (one) => {
      repeats.push(one);
      const now = performance.now(), left = ((now - started) / repeats.length) * (count - repeats.length) / 1000;
      progress.textContent = `${repeats.length} of ${count} seeds, ${duration(left)} left`;
      if (now - shown > 300 || repeats.length <= 2) {
        [shown, drawn] = [now, drawn + 1];
        show(false);
      }
    }, () => {
      stop = null;
      halt.disabled = true;
      buttons.forEach((one) => { one.disabled = false; });
      const lost = repeats.filter(({ arms: all }) => Object.values(all).includes(null)).length;
      progress.textContent = `${repeats.length} seeds in ${duration((performance.now() - started) / 1000)}.`
        + (lost ? ` In ${lost} of them a network diverged and is left out.` : "");
      show(true);
    });
  };
  new ResizeObserver(draw).observe(canvas);
  canvas.hidden = true;
  const part = element("section", { class: "train-luck", "data-part": "luck", "aria-label": "Is it luck?" },
    element("h3", {}, "Is it luck?"),
    element("p", {}, "Repeats what is set with other seeds. Dots are differences from full precision of the same seed, bars "
      + "their means with 95 % intervals: a bar that crosses the line decides nothing."),
    element("div", { class: "train-bar" }, ...buttons, only, halt, progress, save), canvas, said);
  return { part, redraw: draw, forget: () => stop?.() };
}

/**
 * Repeat in several workers; returns what stops it.
 * @param {Settings} settings  @param {number} count  @param {string[] | undefined} only
 * @param {(one: Repeat) => void} got  @param {() => void} ended
 */
function run(settings, count, only, got, ended) {
  const workers = Array.from({ length: Math.min(MOST_WORKERS, navigator.hardwareConcurrency || 2, count) }, () => new Remote());
  let next = 0, open = workers.length, stopped = false;
  const stop = () => {
    if (stopped) return;
    stopped = true;
    workers.forEach((one) => one.close());
    ended();
  };
  for (const worker of workers) {
    void (async () => {
      while (next < count && !stopped) {
        const answer = await worker.ask({ kind: "repeat", settings, seed: settings.seed + next++, only });
        if (answer.repeat && !stopped) got(answer.repeat);
      }
      if (--open === 0) stop();
    })();
  }
  return stop;
}

/** In accuracy on the held-out domain and in rise. @returns {[import("./repeats.js").Interval, import("./repeats.js").Interval]} */
function intervals(/** @type {Repeat[]} */ repeats, /** @type {string} */ arm) {
  return [interval(differences(repeats, arm, "heldOut")), interval(differences(repeats, arm, "rise"))];
}

/** @param {HTMLCanvasElement} canvas  @param {Repeat[]} repeats  @param {number} bits */
function drawLuck(canvas, repeats, bits) {
  const arms = ARMS.filter((arm) => differences(repeats, arm, "rise").length);
  canvas.style.height = `${HEAD + ROW * arms.length + 18}px`;
  const surface = cleared(canvas);
  if (!surface) return;
  const { context, width } = surface, colours = coloursOf(canvas, "qt-dog"), style = getComputedStyle(canvas);
  const name = Math.min(190, width * 0.3), column = (width - name) / 2;
  arms.forEach((arm, row) => write(context, comparedName(arm, bits), 0, HEAD + ROW * (row + 0.5) + 4, colours.ink, "left", 12));
  const charts = /** @type {[keyof import("./repeats.js").Measured, string, number][]} */ ([
    ["heldOut", "held-out domain, points", 100], ["rise", "rise of the loss", 1],
  ]);
  charts.forEach(([what, title, times], place) => {
    const left = name + place * column + 12, wide = column - 24;
    const all = arms.map((arm) => differences(repeats, arm, what).map((one) => one * times));
    const reach = Math.max(...all.flat().map(Math.abs), 1e-3) * 1.05;
    const x = (/** @type {number} */ value) => left + wide / 2 + (value / reach) * (wide / 2);
    write(context, title, x(0), 12, colours.quiet, "center");
    context.strokeStyle = colours.quiet;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x(0), HEAD);
    context.lineTo(x(0), HEAD + ROW * arms.length);
    context.stroke();
    const digits = place ? 2 : 0;
    write(context, `−${reach.toFixed(digits)}`, left, HEAD + ROW * arms.length + 14, colours.quiet);
    write(context, `+${reach.toFixed(digits)}`, left + wide, HEAD + ROW * arms.length + 14, colours.quiet, "right");
    all.forEach((values, row) => {
      const y = HEAD + ROW * (row + 0.5), colour = style.getPropertyValue(variableOf(arms[row])).trim();
      context.fillStyle = colour;
      context.globalAlpha = Math.max(0.25, Math.min(0.7, 20 / values.length));
      values.forEach((value, i) =>
        context.fillRect(x(value) - DOT / 2, y + (((i * 7) % 11) / 11 - 0.5) * ROW * 0.6 - DOT / 2, DOT, DOT));
      context.globalAlpha = 1;
      if (values.length > 1) drawInterval(context, interval(values), x, y, colours.ink);
    });
  });
}

/** @param {CanvasRenderingContext2D} context  @param {import("./repeats.js").Interval} interval */
function drawInterval(context, { mean, low, high }, /** @type {(v: number) => number} */ x, /** @type {number} */ y, /** @type {string} */ colour) {
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 2.5;
  context.beginPath();
  context.moveTo(x(low), y);
  context.lineTo(x(high), y);
  context.stroke();
  context.fillRect(x(mean) - 2, y - 7, 4, 14);
}
