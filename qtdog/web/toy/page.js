/** The tab "Train it": settings in, frames out, figures of the frames. */

import { tools } from "../figures/tools.js";
import { DRAWN_REACH, read, written } from "./address.js";
import { coloursOf } from "./canvas.js";
import { claims } from "./claims.js";
import { controls } from "./controls.js";
import { drawCurves } from "./curves.js";
import { domains } from "./domains.js";
import { element } from "./element.js";
import { reachOf } from "./live.js";
import { luck } from "./luck.js";
import { shapeOf } from "./network.js";
import { drawScatter } from "./scatter.js";
import { scenes } from "./scenes.js";
import { MOST_DRAWN, STEPS, drawnProblem, sizesOf, SHIFTS } from "./settings.js";
import { Remote } from "./trainer.js";
import { drawValleys, scaleOf } from "./valley.js";
import { happening, nameOf, outcome, percent } from "./words.js";
import { drawWeights } from "./weights.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./live.js").Frame} Frame */

const DOMAINS = ["Source 1", "Source 2", "Source 3", "Held out"];
const SPEEDS = [1, 2, 4, 8, 16, 32]; // steps a frame
const CALM_STEPS = 50; // a frame, where figures come at the end
const CURVE_STEPS = 20; // between a curve's places
const TURN_A_FRAME = 0.006, TEXT_MS = 150;
const NEAR = "This browser starts no worker: networks are trained on the page itself, more slowly.";
const REPEAT = " Luck? Repeat it below.";
const DRAWN_AT_FIRST = 24; // points of each domain that one begins to draw with

/**
 * Fill `root` with the tab. Nothing is computed before it is seen.
 * @param {HTMLElement} root  @param {import("./claims.js").ToyRecord} record
 * @param {string | null} [fixed] settings, as an address has them, instead of those of the page's address
 */
export function mount(root, record, fixed = null) {
  const sheet = element("link", { rel: "stylesheet", href: new URL("./style.css", import.meta.url).href });
  sheet.onload = () => new Tab(root, record, fixed);
  root.replaceChildren(sheet);
}

class Tab {
  /** @param {HTMLElement} root  @param {import("./claims.js").ToyRecord} record  @param {string | null} fixed */
  constructor(root, record, fixed) {
    this.root = root;
    this.fixed = fixed !== null;
    const opened = read(fixed ?? location.search);
    this.settings = opened.settings;
    this.hidden = opened.hidden;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    /** @type {object | null} */
    this.player = null; // what plays now
    this.grown = false; // whether there is more to see in the curves
    this.round = 0; // answers to what was begun before are of no use
    this.turn = 0.6;
    this.brush = 0;
    /** @type {Frame | null} */
    this.frame = null;
    this.history = /** @type {import("./curves.js").History} */ ({ source: [], heldOut: [], rise: [] });
    this.highest = 0; // the valleys' scale
    this.textAt = 0;
    this.data = domains(this.settings.seed, this.settings);
    this.reach = 0;
    this.shape = shapeOf(sizesOf(this.settings));
    this.links = /** @type {HTMLElement[]} */ ([]);
    this.canvases = /** @type {HTMLCanvasElement[]} */ ([]);
    this.captions = /** @type {HTMLElement[]} */ ([]);
    this.cursors = DOMAINS.map(() => ({ x: 0, y: 0 }));
    this.cells = /** @type {Record<string, HTMLElement>} */ ({});
    this.heads = /** @type {Record<string, HTMLElement>} */ ({});
    this.remote = new Remote();
    this.scenes = scenes(record);
    this.luck = luck(() => (this.#problem() ? null : this.settings));
    this.form = controls((changed) => this.#change(changed));
    this.#build(record, opened.problems);
    this.form.show(this.settings);
    this.#reset();
    new IntersectionObserver(([one]) => one.isIntersecting && this.#begin()).observe(this.figures);
    new ResizeObserver(() => this.#draw()).observe(this.figures);
    new MutationObserver(() => { this.#draw(); this.luck.redraw(); })
      .observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  /** @param {import("./claims.js").ToyRecord} record  @param {string[]} problems */
  #build(record, problems) {
    this.said = element("p", { class: "train-said", "aria-live": "polite" });
    this.problem = element("p", { class: "notice", role: "alert", hidden: true });
    this.near = element("p", { class: "notice", hidden: true }, NEAR);
    this.scene = element("p", { class: "train-scene", "aria-live": "polite", hidden: true });
    const notices = problems.map((text) => element("p", { class: "notice" }, text));
    this.figures = element("div", { class: "train-figures figure" },
      this.#bar(), this.said, this.problem,
      element("div", { class: "train-top" }, this.#domains(), this.#scores()),
      element("div", { class: "train-bottom" }, ...this.#lowerFigures()), tools());
    this.figures.numbers = () => this.#numbers();
    this.root.append(element("div", { class: "train" }, ...notices, this.near, this.#sceneLinks(), this.scene,
      element("div", { class: "train-bench" }, part("controls", this.form.form), this.figures),
      this.luck.part, claims(record)));
    for (const one of this.root.querySelectorAll("[data-part]")) {
      /** @type {HTMLElement} */ (one).hidden = this.hidden.includes(/** @type {HTMLElement} */ (one).dataset.part ?? "");
    }
  }

  #sceneLinks() {
    const links = this.scenes.map((one) => {
      const address = new URL(location.href);
      for (const name of [...address.searchParams.keys()]) if (name.startsWith("toy-")) address.searchParams.delete(name);
      address.search = `${address.search}${address.search ? "&" : "?"}${one.query}`;
      const open = (/** @type {Event} */ event) => {
        event.preventDefault();
        this.#showScene(one.says, link);
        this.settings = read(`?${one.query}`).settings;
        this.form.show(this.settings);
        this.#save();
        this.#reset();
        void this.#begin().then(() => this.#play(true));
      };
      const link = element("a", { href: address.href, onclick: open }, one.name);
      return link;
    });
    this.links = links;
    return part("scenes", element("nav", { class: "train-scenes", "aria-label": "Scenes" }, ...links));
  }

  /** Say what a scene is about; of none, nothing. */
  #showScene(/** @type {string} */ says, /** @type {Element | null} */ link) {
    this.scene.textContent = says;
    this.scene.hidden = !says;
    for (const one of this.links) {
      if (one === link) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
  }

  #bar() {
    const button = (/** @type {string} */ text, /** @type {() => void} */ act, /** @type {string} */ kind = "") =>
      element("button", { type: "button", class: kind, onclick: act }, text);
    this.playButton = button("Play", () => this.#play(!this.playing), "train-play");
    this.speed = element("select", { "aria-label": "Speed" },
      ...SPEEDS.map((value) => element("option", { value, selected: value === 8 }, `${value} steps a frame`)));
    this.counter = element("span", { class: "train-counter" });
    return element("div", { class: "train-bar" }, this.playButton,
      button("One step", () => this.#stepOnce()), button("Again", () => this.#again(0)),
      button("Another seed", () => this.#again(1)), this.speed, this.counter);
  }

  #domains() {
    this.canvases = DOMAINS.map((name, domain) => {
      const canvas = element("canvas", { role: "img", "aria-label": name });
      canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.#put(domain, canvas, event));
      canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#steer(domain, event));
      return canvas;
    });
    this.captions = DOMAINS.map(() => element("figcaption"));
    const brush = (/** @type {string} */ text, /** @type {number} */ value) => element("label", {},
      element("input", { type: "radio", name: "toy-brush", checked: value === 0, onchange: () => { this.brush = value; } }), text);
    this.brushes = element("fieldset", { class: "train-brushes", hidden: true }, element("legend", {}, "Click into a domain to draw"),
      brush("● one class", 0), brush("○ the other", 1), brush("erase", 2),
      element("button", { type: "button", onclick: () => this.#draws([[], [], [], []]) }, "Clear all"));
    return part("domains", element("div", { class: "train-domains" },
      ...this.canvases.map((canvas, i) => element("figure", {}, canvas, this.captions[i])), this.brushes));
  }

  #scores() {
    const rows = [["heldOut", "right, held out"], ["source", "right, sources"], ["rise", "rise after a move"],
      ["fittedRise", "… logits fitted"], ["lost", "… in accuracy"]];
    const cell = (/** @type {string} */ name) => (this.cells[name] = element("td", {}, "–"));
    this.heads = { full: element("th", { scope: "col", class: "full" }, "full precision (solid)"), other: element("th", { scope: "col", class: "other" }) };
    this.ensembleSaid = element("p", { class: "train-eoq", hidden: true });
    return part("scores", element("div", { class: "train-scores" },
      element("table", {},
        element("thead", {}, element("tr", {}, element("td", {}), this.heads.full, this.heads.other)),
        element("tbody", {}, ...rows.map(([name, label]) => element("tr", {},
          element("th", { scope: "row" }, label), cell(`full-${name}`), cell(`other-${name}`))))),
      this.ensembleSaid,
      element("details", {}, element("summary", {}, "What is a move? Why fit logits?"),
        element("p", {}, "Every neuron's weights by 0.3 of their norm in a random direction; the mean of 20 directions, on "
          + "the source points. Smaller logits alone make a loss look flatter. So the rise is given with logits scaled to "
          + "the least loss too, which has no end where no point is wrong, and as accuracy that is lost."))));
  }

  /** What the figures show over the steps, for a file. @returns {import("../figures/numbers.js").Row[]} */
  #numbers() {
    const { source, heldOut, rise } = this.history;
    if (!source.length) return [];
    const rows = /** @type {const} */ ([["accuracy, sources", source], ["accuracy, held out", heldOut], ["rise after a move", rise]])
      .flatMap(([name, places]) => places.map(({ step, full, other }) => [name, step, full, other]));
    return [["what", "step", "full precision", nameOf(this.settings)], ...rows];
  }

  #lowerFigures() {
    const figure = (/** @type {string} */ name, /** @type {string} */ title, /** @type {any} */ canvas) =>
      part(name, element("figure", { class: `train-${name}` }, element("figcaption", {}, title), canvas));
    const canvas = (/** @type {Record<string, unknown>} */ more = {}) => element("canvas", { role: "img", ...more });
    this.weightsCanvas = canvas();
    this.valleysCanvas = canvas({ tabindex: 0 });
    this.curvesCanvas = canvas();
    this.valleysCanvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const by = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key];
      if (by) this.#turnBy(by, event);
    });
    this.valleysCanvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (event.buttons) this.#turnBy(event.movementX / 100, event);
    });
    this.weightsTitle = element("span");
    return [figure("weights", "Every weight; small: unrounded copies", this.weightsCanvas),
      figure("valleys", "The loss around both networks", this.valleysCanvas),
      figure("curves", "Over the steps", this.curvesCanvas)];
  }

  #turnBy(/** @type {number} */ by, /** @type {Event} */ event) {
    event.preventDefault();
    this.turn += by;
    this.#draw();
  }

  /** What keeps the settings from being trained; it is said. */
  #problem() {
    const problem = drawnProblem(this.settings);
    this.#complain(problem);
    return problem;
  }

  #complain(/** @type {string} */ text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }

  #change(/** @type {Partial<Settings>} */ changed) {
    const shift = changed.shift;
    if (!("seed" in changed)) this.#showScene("", null);
    if (shift === "drawn" && !this.settings.drawn.flat().length) changed.drawn = this.#sketch();
    if (shift) changed.strength = SHIFTS[/** @type {keyof typeof SHIFTS} */ (shift)].usual;
    this.settings = { ...this.settings, ...changed };
    this.form.show(this.settings);
    this.#save();
    this.#reset();
    void this.#begin();
  }

  /** Points to begin drawing with: a few of the present ones. */
  #sketch() {
    return domains(this.settings.seed, this.settings).parts.map(({ inputs, labels, dimensions }) =>
      Array.from({ length: Math.min(DRAWN_AT_FIRST, labels.length) }, (_, n) => ({
        x: Math.max(-DRAWN_REACH, Math.min(DRAWN_REACH, inputs[n * dimensions])),
        y: Math.max(-DRAWN_REACH, Math.min(DRAWN_REACH, inputs[n * dimensions + 1])),
        label: /** @type {0 | 1} */ (labels[n]),
      })));
  }

  #again(/** @type {number} */ by) {
    this.#change({ seed: (this.settings.seed + by) % 10000 });
  }

  #save() {
    if (this.fixed) return;
    const address = new URL(location.href);
    address.search = written(address.search, this.settings, this.hidden);
    history.replaceState(history.state, "", address);
    /** @type {any} */ (window).qtdogQuery = address.search; // what the page goes back and forth with
  }

  /** Back to step 0: what was trained is forgotten, unless the new settings cannot be trained. */
  #reset() {
    this.#play(false);
    /** @type {Promise<void> | null} */
    this.begun = null;
    this.round += 1;
    this.data = domains(this.settings.seed, this.settings);
    this.reach = this.settings.shift === "drawn" ? DRAWN_REACH * 1.08 : reachOf(this.data);
    this.shape = shapeOf(sizesOf(this.settings));
    this.brushes.hidden = this.settings.shift !== "drawn";
    for (const canvas of this.canvases) canvas.tabIndex = this.settings.shift === "drawn" ? 0 : -1;
    if (this.#problem()) return this.#draw();
    this.frame = null;
    this.history = { source: [], heldOut: [], rise: [] };
    /** @type {Frame["flatness"]} */
    this.flatness = null;
    /** @type {Frame["surfaces"]} */
    this.surfaces = null;
    this.highest = 0;
    this.textAt = 0;
    this.#draw();
  }

  /** Have what is set begun, once. */
  async #begin() {
    if (this.#problem()) return;
    this.begun ??= this.#ask({ kind: "begin", settings: this.settings });
    await this.begun;
    this.near.hidden = !this.remote.isNear;
    void this.#settle();
  }

  /** @param {import("./trainer.js").Request} request */
  async #ask(request) {
    const round = this.round;
    const { frame } = await this.remote.ask(request);
    if (round === this.round && frame) this.#take(frame);
  }

  /** Let what is still being computed of the figures come, when nothing plays. */
  async #settle() {
    const round = this.round;
    while (round === this.round && !this.playing && this.frame && !this.frame.settled) {
      await this.#ask({ kind: "advance", steps: 0 });
    }
  }

  async #stepOnce() {
    this.#play(false);
    await this.#begin();
    if (!this.frame) return;
    await this.#ask({ kind: "advance", steps: 1 });
    await this.#settle();
  }

  get playing() {
    return this.player !== null;
  }

  async #play(/** @type {boolean} */ playing) {
    if (playing && this.#problem()) return;
    if (playing && this.frame?.done) this.#reset();
    this.playButton.textContent = playing ? "Pause" : "Play";
    if (playing === this.playing) return;
    const player = this.player = playing ? {} : null;
    if (!player) return;
    await this.#begin();
    const round = this.round;
    if (this.frame && !this.frame.done) await this.#run(player);
    if (round !== this.round || (this.player && this.player !== player)) return;
    this.player = null;
    this.playButton.textContent = this.frame?.done ? "Play again" : "Play";
    await this.#settle();
  }

  /** Let `player` play to the end. While a frame is drawn, the next one is computed. */
  async #run(/** @type {object} */ player) {
    const { round } = this, next = () =>
      this.remote.ask({ kind: "advance", steps: this.calm.matches ? CALM_STEPS : Number(this.speed.value) });
    for (let coming = next(), goes = true; goes;) {
      const [{ frame }] = await Promise.all([coming, nextFrame()]);
      if (round !== this.round || !frame) return;
      goes = this.player === player && !frame.done;
      if (goes) coming = next();
      this.#take(frame);
    }
  }

  #take(/** @type {Frame} */ frame) {
    if (frame.diverged) {
      this.#complain(`At step ${frame.step} a number was none any more: the network diverged. What you see is the last good state; try a smaller learning rate.`);
      this.player = null;
      if (this.frame) this.frame = { ...this.frame, done: true, settled: true };
      return;
    }
    const last = this.frame, { length } = this.history.source;
    this.frame = frame;
    if (frame.flatness) {
      this.flatness = frame.flatness;
      this.history.rise.push({ step: frame.step, full: frame.flatness.full.rise, other: frame.flatness.other.rise });
    }
    if (!last || frame.done || frame.step - (this.history.source.at(-1)?.step ?? 0) >= CURVE_STEPS) {
      const { full, other } = frame.scores;
      this.history.source.push({ step: frame.step, full: full.source, other: other.source });
      this.history.heldOut.push({ step: frame.step, full: full.heldOut, other: other.heldOut });
    }
    this.grown ||= this.history.source.length > length || !!frame.flatness;
    if (frame.surfaces) {
      this.surfaces = frame.surfaces;
      const highest = scaleOf(frame.surfaces); // a scale that follows every change is none
      if (highest > this.highest || highest < 0.6 * this.highest) this.highest = highest;
    }
    // Who wants less motion gets the figures at the end.
    if (this.playing && this.calm.matches && !frame.done) return;
    if (this.playing && !this.calm.matches) this.turn += TURN_A_FRAME;
    this.#draw();
  }

  #draw() {
    const { frame, settings } = this, colours = coloursOf(this.root, settings.arm);
    const parted = !!frame && frame.step > settings.quantizeStep;
    this.root.style.setProperty("--toy-other", colours.other);
    const lines = frame ? [
      { field: frame.fields.full, colour: colours.full, dashes: [] },
      ...(parted ? [{ field: frame.fields.other, colour: colours.other, dashes: [6, 4] }] : []),
      ...(parted && frame.fields.ensemble ? [{ field: frame.fields.ensemble, colour: colours.ensemble, dashes: [2, 3] }] : []),
    ] : [];
    const cursor = (/** @type {number} */ domain) => (document.activeElement === this.canvases[domain] ? this.cursors[domain] : null);
    this.data.parts.forEach((points, domain) => drawScatter(this.canvases[domain], points, this.reach, colours, lines, cursor(domain)));
    if (frame) {
      drawWeights(this.weightsCanvas, this.shape, frame.weights, settings.bits, colours, parted);
      if (this.grown || !this.playing) drawCurves(this.curvesCanvas, this.history, settings.quantizeStep, colours);
      this.grown = false;
    }
    if (this.surfaces) {
      const names = /** @type {[string, string]} */ (["full precision", parted ? nameOf(settings) : "(still one)"]);
      drawValleys(this.valleysCanvas, this.surfaces, this.highest, this.turn, colours, names);
    }
    const now = performance.now();
    if (!this.playing || now - this.textAt > TEXT_MS) {
      this.textAt = now;
      this.#write(parted);
    }
  }

  #write(/** @type {boolean} */ parted) {
    const { frame, settings, flatness } = this, step = frame?.step ?? 0;
    this.counter.textContent = `step ${step.toLocaleString("en")} of ${STEPS.toLocaleString("en")}, seed ${settings.seed}`;
    this.heads.other.textContent = `${nameOf(settings)} (dashed)`;
    const said = !frame ? happening(settings, /** @type {any} */ ({ step: 0 }))
      : frame.done && flatness ? outcome(settings, frame, flatness) + (this.luck.part.hidden ? "" : REPEAT) : happening(settings, frame);
    if (this.said.textContent !== said) this.said.textContent = said;
    for (const which of /** @type {const} */ (["full", "other"])) {
      const shown = frame && (which === "full" || parted), scores = frame?.scores[which], flat = flatness?.[which];
      const set = (/** @type {string} */ name, /** @type {string | undefined} */ text) => {
        this.cells[`${which}-${name}`].textContent = (shown && text) || "–";
      };
      set("heldOut", scores && percent(scores.heldOut));
      set("source", scores && percent(scores.source));
      set("rise", flat?.rise.toFixed(3));
      set("fittedRise", scores && scores.source < 1 ? flat?.fittedRise.toFixed(3) : "");
      set("lost", flat && percent(flat.lost));
    }
    const ensemble = parted && frame?.scores.ensemble;
    this.ensembleSaid.hidden = !ensemble;
    if (ensemble) this.ensembleSaid.textContent = `Five seeds together: ${percent(ensemble.heldOut)} of the held-out domain.`;
    this.#describe(parted);
  }

  /** What the pictures show, in words. */
  #describe(/** @type {boolean} */ parted) {
    const { settings, frame } = this, { label, unit } = SHIFTS[/** @type {keyof typeof SHIFTS} */ (settings.shift)];
    const how = ["-½", "0", "½", "1"].map((_, domain) => describeDomain(settings, domain));
    this.captions.forEach((caption, domain) => {
      const text = `${DOMAINS[domain]}${how[domain] ? `: ${how[domain]}` : ""}`;
      if (caption.textContent !== text) caption.textContent = text;
      const lines = parted ? `, with the borderlines of full precision and of ${nameOf(settings)}` : "";
      this.canvases[domain].setAttribute("aria-label", `${text}, points of two classes (${label}${unit})${lines}`);
    });
    const step = frame?.step ?? 0;
    this.weightsCanvas.setAttribute("aria-label", `The weights at step ${step}${parted ? `, ${nameOf(settings)}` : ""}`);
    this.valleysCanvas.setAttribute("aria-label", "The loss around both networks as surfaces; arrow keys turn them");
    this.curvesCanvas.setAttribute("aria-label", `Accuracies and rise up to step ${step}; the table has the last values`);
  }

  /** Draw or erase a point. */
  #put(/** @type {number} */ domain, /** @type {HTMLCanvasElement} */ canvas, /** @type {PointerEvent} */ event) {
    if (this.settings.shift !== "drawn") return;
    const box = canvas.getBoundingClientRect(), scale = Math.min(box.width, box.height) / 2 / this.reach;
    this.#brushAt(domain, (event.clientX - box.x - box.width / 2) / scale, (box.y + box.height / 2 - event.clientY) / scale);
  }

  #steer(/** @type {number} */ domain, /** @type {KeyboardEvent} */ event) {
    if (this.settings.shift !== "drawn") return;
    const cursor = this.cursors[domain], by = 0.15;
    const moves = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, by], ArrowDown: [0, -by] });
    if (event.key === "Enter" || event.key === " ") this.#brushAt(domain, cursor.x, cursor.y);
    else if (moves[event.key]) {
      const [x, y] = moves[event.key];
      cursor.x = Math.max(-DRAWN_REACH, Math.min(DRAWN_REACH, cursor.x + x));
      cursor.y = Math.max(-DRAWN_REACH, Math.min(DRAWN_REACH, cursor.y + y));
      this.#draw();
    } else return;
    event.preventDefault();
  }

  #brushAt(/** @type {number} */ domain, /** @type {number} */ x, /** @type {number} */ y) {
    if (Math.max(Math.abs(x), Math.abs(y)) > DRAWN_REACH) return;
    const drawn = this.settings.drawn.map((one) => [...one]);
    if (this.brush === 2) drawn[domain] = drawn[domain].filter((one) => Math.hypot(one.x - x, one.y - y) > 0.2);
    else if (drawn[domain].length >= MOST_DRAWN) return this.#complain(`A domain takes ${MOST_DRAWN} points at most.`);
    else drawn[domain].push({ x, y, label: /** @type {0 | 1} */ (this.brush) });
    this.#draws(drawn);
  }

  #draws(/** @type {import("./settings.js").DrawnPoint[][]} */ drawn) {
    this.#change({ drawn });
  }
}

/** @template {HTMLElement} T @param {string} name  @param {T} made  @returns {T} */
function part(name, made) {
  made.dataset.part = name;
  return made;
}

function describeDomain(/** @type {Settings} */ settings, /** @type {number} */ domain) {
  const { shift, strength } = settings, sign = (/** @type {number} */ v) => (v < 0 ? `−${-v}` : `${v}`);
  if (shift === "rotation") return `${sign(strength * [-0.5, 0, 0.5, 1][domain])}°`;
  if (shift === "displacement") return `${sign(strength * [-0.5, 0, 0.5, 1][domain])} aside`;
  if (shift === "correlation") return domain === 3 ? "third input says 50 %" : `third input says ${Math.round(100 * (strength - 0.05 * domain))} %`;
  if (shift === "drawn") return "";
  return `${(1 + (strength - 1) * [-1 / 3, 0, 1 / 3, 1][domain]).toFixed(2)} × ${shift === "noise" ? "noise" : "size"}`;
}

function nextFrame() {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}
