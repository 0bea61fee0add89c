// Try it: a picture, the camera or a drawing, through the models of a held-out domain.

import { Camera } from "./camera.js";
import { results } from "./cards.js";
import { byId, element } from "./dom.js";
import { Downloads } from "./downloads.js";
import { showLooks } from "./heat.js";
import { firstBreak } from "./breaks.js";
import { Comparison } from "./comparison.js";
import { listLayers, showLayer } from "./grid.js";
import { DrawingPad } from "./pad.js";
import { drawn, paint, pictureIn, pixelsOf } from "./picture.js";
import { graphFor } from "./manifest.js";
import { prediction } from "./predictions.js";
import { plain } from "./sentences.js";
import { MOST_SEVERE } from "./shifts.js";
import { Strip } from "./strip.js";

/** @typedef {import("./picture.js").Pixels} Pixels */
/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./manifest.js").Target} Target */
/** @typedef {import("./manifest.js").Model} Model */
/** @typedef {Model & {rounding: import("./engine.js").Asked["rounding"]}} Shown */
/** @typedef {import("./engine.js").Loaded} Loaded */
/** @typedef {{target: Target, tab: string, source: string, picture: number}} Subject what a question is about */
/**
 * @typedef {{
 *   subject: Subject, ready: Shown[], known: string | null, kept: Pixels | null,
 *   going: ReturnType<import("./engine.js").Engine["classify"]>
 * }} Question
 */

const RUNTIME = "onnxruntime/ort-wasm-simd-threaded.wasm";
const ORDER = ["qt-dog", "erm", "eoq"];  // the smallest download first
const START_SEVERITY = 3;  // where nothing breaks
const FRAMES = 12;  // over which the rate is a mean

export class TryIt {
  /**
   * @param {import("./engine.js").Engine} engine
   * @param {Manifest} manifest
   * @param {() => void} changed hears that what the address carries has changed
   */
  constructor(engine, manifest, changed) {
    this.engine = engine;
    this.manifest = manifest;
    this.changed = changed;
    this.downloads = new Downloads(byId("downloads"));
    this.camera = new Camera(byId("video"));
    this.pad = new DrawingPad(byId("pad"), byId("pad-tools"));
    this.target = manifest.targets[0];
    this.models = new Set(["erm", "qt-dog", "eoq"]);
    this.look = false;
    this.tab = "try";
    this.shift = { name: "pencil", severity: 0 };
    this.slid = false;  // until somebody chooses a severity, it is where something breaks
    this.weights = new Comparison(engine, this.target, () => { if (this.begun) changed(); });
    this.strip = new Strip(manifest.methods, (severity) => this.goTo(severity), changed);
    this.shownLayer = "";
    this.rounding = { bits: 4, rule: /** @type {import("./rounding.js").Rule} */ ("least error") };
    this.here = /** @type {import("./predictions.js").Prediction[]} */ ([]);
    this.sample = "own";
    this.known = /** @type {string | null} */ (null);
    this.source = "picture";
    this.turn = 0;  // how many pictures were chosen
    this.picture = 0;  // how many of them were shown
    this.paused = false;
    this.pixels = /** @type {Pixels | null} */ (null);
    this.loaded = /** @type {Map<string, Loaded>} */ (new Map());
    this.loading = /** @type {Map<string, Promise<void>>} */ (new Map());
    this.begun = false;
    this.seen = false;
    this.answering = false;
    this.again = false;
    this.times = /** @type {number[]} */ ([]);
    /** Hears the files of each model that has come, with their bases. */
    this.onceLoaded = /** @param {[string, import("./download.js").FileHash][]} files */ (files) => { void files; };
    this.wire();
  }

  wire() {
    for (const button of document.querySelectorAll("[data-sample]")) {
      button.addEventListener("click", () => this.chooseSample(/** @type {HTMLElement} */ (button).dataset.sample ?? ""));
    }
    const file = byId("file");
    byId("choose").addEventListener("click", () => file.click());
    file.addEventListener("change", () => { if (file.files[0]) this.choose(file.files[0]); file.value = ""; });
    addEventListener("paste", (event) => this.take(event, event.clipboardData));
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => this.take(event, event.dataTransfer));
    byId("domain").addEventListener("change", () => this.chooseTarget(byId("domain").value));
    for (const box of document.querySelectorAll("[name=model]")) {
      box.addEventListener("change", () => this.chooseModels());
    }
    byId("look").addEventListener("change", () => this.chooseLook());
    byId("class").addEventListener("change", () => this.chooseLook());
    byId("shift").addEventListener("change", () => this.chooseShift());
    byId("severity").addEventListener("input", () => { this.slid = true; this.chooseShift(); });
    byId("severity").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.stepSeverity(event));
    byId("layer").addEventListener("change", () => this.answer());
    byId("bits").addEventListener("input", () => this.chooseRounding());
    for (const one of document.querySelectorAll("[name=rule]")) one.addEventListener("change", () => this.chooseRounding());
    byId("camera").addEventListener("click", () => this.toggle("camera"));
    byId("draw").addEventListener("click", () => this.toggle("pad"));
    byId("pause").addEventListener("click", () => this.pause(!this.paused));
    byId("keep").addEventListener("click", () => this.keep());
    byId("turn").addEventListener("click", () => this.camera.turn().catch((error) => this.say(error.message)));
    this.pad.addEventListener("drawn", () => this.answer());
  }

  /**
   * Set what the address says, then answer.
   * @param {Map<string, string>} said
   */
  async begin(said) {
    this.chooseTarget(said.get("domain") ?? this.target.key, false);
    const models = said.get("models");
    if (models !== undefined) {
      for (const box of document.querySelectorAll("[name=model]")) {
        const input = /** @type {HTMLInputElement} */ (box);
        input.checked = models.split(",").includes(input.value);
      }
      this.chooseModels(false);
    }
    if (said.has("shift")) byId("shift").value = said.get("shift");
    if (said.has("severity")) byId("severity").value = said.get("severity");
    this.slid = said.has("severity");
    this.weights.begin(said);
    this.strip.watched = said.get("shift-class") ?? "";
    if (said.has("bits")) byId("bits").value = said.get("bits");
    const rule = /** @type {HTMLInputElement | null} */ (document.querySelector(`[name=rule][value="${said.get("rule") ?? "least error"}"]`));
    if (rule) rule.checked = true;
    this.chooseShift(false);
    this.chooseRounding(false);
    this.look = said.get("look") === "true";
    byId("look").checked = this.look;
    byId("looking").hidden = !this.look;
    const label = said.get("class") ?? "";
    byId("class").value = this.target.classes.includes(label) ? label : "";
    this.begun = true;  // before, what the address says would not count
    this.weights.show();
    const sample = said.get("sample") ?? "";
    const known = this.manifest.samples.some((one) => one.name === sample);
    await this.chooseSample(known ? sample : this.manifest.samples[0].name);
  }

  /** @returns {Record<string, [string, string]>} what the address carries */
  get state() {
    const all = this.target.models.map((one) => one.method);
    return {
      sample: [this.sample, this.manifest.samples[0].name],
      domain: [this.target.key, this.manifest.targets[0].key],
      models: [all.filter((one) => this.models.has(one)).join(","), all.join(",")],
      shift: [this.shift.name, "pencil"],
      severity: [String(this.shift.severity), "0"],
      "shift-class": [this.strip.watched, ""],
      bits: [String(this.rounding.bits), "4"],
      rule: [this.rounding.rule, "least error"],
      look: [String(this.look), "false"],
      class: [byId("class").value, ""],
      ...this.weights.state,
    };
  }

  /** @param {string} name */
  async chooseSample(name) {
    const chosen = this.manifest.samples.find((one) => one.name === name);
    if (!chosen) return;
    const read = async () => pixelsOf(await (await fetch(chosen.file)).blob());
    const failed = `${chosen.title} cannot be loaded: the network does not answer.`;
    await this.takePicture(read, () => failed, chosen.alt, name, chosen.label);
  }

  /** @param {Blob} file */
  async choose(file) {
    const why = (/** @type {Error} */ error) => error.message;
    await this.takePicture(() => pixelsOf(file), why, "The picture that is classified", "own", null);
  }

  /**
   * Read a picture and show it, unless another was chosen meanwhile.
   * @param {() => Promise<Pixels>} read
   * @param {(error: Error) => string} why it cannot be read
   * @param {string} alt
   * @param {string} sample
   * @param {string | null} known
   */
  async takePicture(read, why, alt, sample, known) {
    const turn = this.turn += 1;
    try {
      const pixels = await read();
      if (turn !== this.turn) return;
      await this.use("picture");
      this.show(pixels, alt, sample, known);
    } catch (error) {
      if (turn === this.turn) this.say(why(/** @type {Error} */ (error)));
    }
  }

  /** @param {Event} event @param {DataTransfer | null} given */
  take(event, given) {
    const file = pictureIn(given);
    if (!file) return;
    event.preventDefault();
    this.choose(file);
  }

  /**
   * @param {Pixels} pixels
   * @param {string} alt
   * @param {string} sample
   * @param {string | null} known
   */
  show(pixels, alt, sample, known) {
    this.pixels = pixels;
    if (this.picture) this.strip.watched = "";  // the first is the address's, with the class that it names
    this.picture += 1;
    this.sample = sample;
    this.known = known;
    this.say("");
    const canvas = byId("shown");
    paint(canvas, pixels);
    canvas.setAttribute("aria-label", alt);
    for (const button of document.querySelectorAll("[data-sample]")) {
      button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.sample === sample));
    }
    this.changed();
    this.answer();
  }

  /** @param {string} key @param {boolean} answer */
  chooseTarget(key, answer = true) {
    this.target = this.manifest.targets.find((one) => one.key === key) ?? this.target;
    byId("domain").value = this.target.key;
    for (const one of document.querySelectorAll("[data-target]")) {
      const question = /** @type {HTMLElement} */ (one);
      question.hidden = question.dataset.target !== (this.tab === "try" ? this.target.key : this.tab);
    }
    this.offerSamples();
    this.showMeasured();
    this.weights.list(this.target);
    if (answer) {
      byId("grid").hidden = true;  // it is of another network
      this.shownLayer = "";
      this.weights.show();
    }
    const list = byId("class"), chosen = list.value;
    const choices = this.target.classes.map((label) => element("option", { value: label }, plain(label)));
    list.replaceChildren(list.options[0], ...choices);
    list.value = this.target.classes.includes(chosen) ? chosen : "";
    byId("shift-class").replaceChildren(...choices.map((one) => one.cloneNode(true)));
    if (!answer) return;
    this.changed();
    this.answer();
  }

  /** Those that show a class of the target's networks; all where none does. */
  offerSamples() {
    const known = this.manifest.samples.filter((one) => this.target.classes.includes(one.label)).map((one) => one.name);
    for (const button of document.querySelectorAll("[data-sample]")) {
      const { sample = "" } = /** @type {HTMLElement} */ (button).dataset;
      /** @type {HTMLElement} */ (button.parentElement).hidden = known.length > 0 && !known.includes(sample);
    }
  }

  /** What was measured at the chosen width. */
  showMeasured() {
    for (const one of byId("measured").children) {
      /** @type {HTMLElement} */ (one).hidden = /** @type {HTMLElement} */ (one).dataset.measured !== `${this.target.key} ${this.rounding.bits}`;
    }
  }

  chooseModels(answer = true) {
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[name=model]"));
    this.models = new Set([...boxes].filter((box) => box.checked).map((box) => box.value));
    if (!answer) return;
    this.changed();
    this.answer();
  }

  /** @param {string} tab "try", "shift" or "quantize" */
  open(tab) {
    this.tab = tab;
    this.seen = true;
    this.chooseTarget(this.target.key, false);
    for (const one of document.querySelectorAll("[data-notes]")) {
      const notes = /** @type {HTMLElement} */ (one);
      notes.hidden = notes.dataset.notes !== tab;
    }
    byId("shift-tools").hidden = tab !== "shift";
    byId("quantize-tools").hidden = tab !== "quantize";
    byId("grid").hidden = tab !== "quantize" || !this.shownLayer;
    byId("weights").hidden = tab !== "quantize" || this.target.networks.length < 2;
    byId("strip").hidden = tab !== "shift" || !this.strip.key;
    byId("models").hidden = tab === "quantize";
    if (this.source === "picture" && this.pixels) paint(byId("shown"), this.pixels);
    this.answer();
  }

  /** Another severity, by a click. @param {number} severity */
  goTo(severity) {
    this.slid = true;
    byId("severity").value = String(severity);
    this.chooseShift();
  }

  /** Arrow keys go by whole steps. @param {KeyboardEvent} event */
  stepSeverity(event) {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key], now = this.shift.severity;
    if (!by) return;
    event.preventDefault();
    this.goTo(Math.min(MOST_SEVERE, Math.max(0, by > 0 ? Math.floor(now) + 1 : Math.ceil(now) - 1)));
  }

  /** Nobody looks: nothing is asked, and no model fetched. */
  leave() {
    this.seen = false;
  }

  chooseShift(answer = true) {
    const list = byId("shift");
    this.shift = { name: list.value, severity: Number(byId("severity").value) };
    byId("severity-value").textContent = String(this.shift.severity);
    byId("shift-about").textContent = list.selectedOptions[0].dataset.about;
    if (!answer) return;
    this.changed();
    this.answer();
  }

  chooseRounding(answer = true) {
    const rule = /** @type {HTMLInputElement} */ (document.querySelector("[name=rule]:checked")).value;
    this.rounding = { bits: Number(byId("bits").value), rule: /** @type {any} */ (rule) };
    byId("bits-value").textContent = `${this.rounding.bits} bits`;
    this.showMeasured();
    if (!answer) return;
    this.changed();
    this.answer();
  }

  chooseLook() {
    this.look = byId("look").checked;
    byId("looking").hidden = !this.look;
    this.changed();
    this.answer();
  }

  /** @param {string} source "camera" or "pad", or back to the picture */
  async toggle(source) {
    await this.use(this.source === source ? "picture" : source);
    if (this.source === "picture" && this.pixels) paint(byId("shown"), this.pixels);
    this.answer();
  }

  /** @param {string} source */
  async use(source) {
    if (source !== "camera") this.camera.stop();
    if (source === "camera") {
      try {
        await this.camera.start();
        this.say("");
      } catch (error) {
        this.say(/** @type {Error} */ (error).message);
        source = "picture";
      }
    }
    this.source = source;
    this.paused = false;
    this.times = [];
    byId("rate").textContent = "";
    byId("camera").setAttribute("aria-pressed", String(source === "camera"));
    byId("draw").setAttribute("aria-pressed", String(source === "pad"));
    byId("camera-tools").hidden = source !== "camera";
    byId("pad-tools").hidden = source !== "pad";
    byId("pad").hidden = source !== "pad";
    byId("shown").hidden = source === "pad";
    byId("pause").textContent = "Pause";
    if (source !== "picture") {
      this.known = null;
      this.sample = "own";
      for (const button of document.querySelectorAll("[data-sample]")) button.setAttribute("aria-pressed", "false");
    }
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.paused = paused;
    byId("pause").textContent = paused ? "Go on" : "Pause";
    if (!paused) this.answer();
  }

  /** The frame that is seen becomes the picture. */
  async keep() {
    const frame = this.camera.frame();
    if (!frame) return;
    await this.use("picture");
    this.show(frame, "A frame of your camera", "own", null);
  }

  /** @returns {Pixels | null} what is asked about now, a copy that can be given away */
  current() {
    if (this.source === "camera") {
      const frame = this.paused ? null : this.camera.frame();
      if (frame && !(this.tab === "shift" && this.shift.severity)) paint(byId("shown"), frame);
      return frame;
    }
    if (this.source === "pad") {
      const { canvas } = this.pad;
      return drawn(canvas, canvas.width, canvas.height, canvas.width);
    }
    return this.pixels && { ...this.pixels, data: this.pixels.data.slice() };
  }

  /** @returns {Shown[]} */
  get shown() {
    const { models, trained } = this.target;
    if (this.tab !== "quantize") {
      return models.filter((one) => this.models.has(one.method)).map((one) => ({ ...one, rounding: null }));
    }
    const full = models.filter((one) => one.method === "erm").map((one) => ({ ...one, rounding: null }));
    const nothing = { thresholds: [], flagged: [] };
    const rounded = full.map(({ path }) => ({ method: "post-training", path, ...nothing, rounding: this.rounding }));
    const learned = trained.filter((one) => one.bits === this.rounding.bits)
      .map(({ path }) => ({ method: "qt-dog", path, ...nothing, rounding: null }));
    return [...full, ...rounded, ...learned];
  }

  /** Answer what is shown, with the models that are there; those that are not come after. */
  async answer() {
    if (!this.begun || !this.seen) return;
    if (this.tab === "shift") this.strip.expect(this.stripKey);
    this.fetchModels();
    if (this.answering) {
      this.again = true;
      return;
    }
    this.answering = true;
    let ahead = /** @type {Question | null} */ (null);  // of a camera's next frame: the networks never wait
    try {
      do {
        this.again = false;
        const asked = ahead && this.isAbout(ahead.subject) ? ahead : await this.question();
        ahead = this.live ? await this.question() : null;
        if (asked) this.showAnswer(asked, await asked.going);
        if (this.tab === "shift") await this.showStrip();
        if (this.tab === "quantize") await this.showGrid();
        if (this.live) {
          await new Promise((frame) => setTimeout(frame, 0));
          this.again = true;
        }
      } while (this.again);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
    } finally {
      this.answering = false;
    }
  }

  /** @returns {Subject} */
  get subject() {
    const { target, tab, source, picture } = this;
    return { target, tab, source, picture };
  }

  /** Whether that is what is seen now. @param {Subject} subject */
  isAbout({ target, tab, source, picture }) {
    return target === this.target && tab === this.tab && source === this.source && picture === this.picture;
  }

  /** Whether a camera is watched. */
  get live() {
    return this.source === "camera" && !this.paused && this.seen;
  }

  /** A question about what is seen now, on its way to the networks; null where there is nothing to ask. */
  async question() {
    const { subject, known } = this;
    const ready = this.shown.filter((one) => this.loaded.has(keyOf(one)));
    if (!this.shown.length) {
      byId("answers").replaceChildren(element("p", { class: "summary" }, "Choose a model to show."));
      return null;
    }
    if (!ready.length) {
      await Promise.race(this.shown.map((one) => this.loading.get(keyOf(one))));
      return null;
    }
    const pixels = this.current();
    if (!pixels) return null;
    const asked = ready.map(({ path, rounding }) => ({ path, rounding }));
    const kept = this.look ? { ...pixels, data: pixels.data.slice() } : null;
    const looks = kept ? ready.map(() => this.evidence) : null;
    const shift = subject.tab === "shift" && this.shift.severity ? this.shift : null;
    const going = this.engine.classify(asked, pixels, looks, shift);
    going.catch(() => {});  // who awaits it hears; a frame that nobody waits for any more does not matter
    return { subject, ready, known, kept, going };
  }

  /**
   * Show an answer, unless something else is seen by now: whoever changed that asks again.
   * @param {Question} question
   * @param {Awaited<Question["going"]>} answer
   */
  showAnswer({ subject, ready, known, kept }, { answers: said, shown }) {
    if (!this.isAbout(subject)) return;
    const { target } = subject;
    if (shown && this.source !== "pad") paint(byId("shown"), shown);
    const seen = kept && (shown ?? kept);
    const answers = ready.map((model, i) => ({
      prediction: prediction(model, this.manifest.methods[model.method].name, target.classes, said[i].logits),
      facts: { ...(/** @type {Loaded} */ (this.loaded.get(keyOf(model)))), marker: this.manifest.methods[model.method].marker },
      milliseconds: said[i].milliseconds,
    }));
    byId("answers").replaceChildren(...results(answers, known));
    this.here = answers.map((one) => one.prediction);
    if (seen) this.showEvidence(seen, answers, said);
    byId("looking").hidden = !this.look;
    this.showRate();
  }

  /** What the strip is of; nothing while a camera or a drawing is watched. */
  get stripKey() {
    if (this.source !== "picture" || !this.pixels || this.shown.some((one) => !this.loaded.has(keyOf(one)))) return "";
    return JSON.stringify([this.picture, this.shift.name, this.target.key, this.shown.map(keyOf)]);
  }

  /** The picture at every severity, unless something else is asked meanwhile. */
  async showStrip() {
    const key = this.stripKey, { target, shown: models, pixels } = this, { name } = this.shift;
    this.strip.expect(key);
    if (key === this.strip.key) this.strip.mark(this.shift.severity, this.here);
    if (!key || !models.length || !pixels || key === this.strip.key) return;
    const frames = [];
    for (let severity = 0; severity <= MOST_SEVERE; severity += 1) {
      const asked = models.map(({ path, rounding }) => ({ path, rounding }));
      const shift = severity ? { name, severity } : null;
      const copy = { ...pixels, data: pixels.data.slice() };
      const { answers, shown } = await this.engine.classify(asked, copy, null, shift);
      if (this.again || key !== this.stripKey || this.tab !== "shift") return;
      const predictions = models.map((model, i) => (
        prediction(model, this.manifest.methods[model.method].name, target.classes, answers[i].logits)
      ));
      frames.push({ pixels: shown ?? pixels, predictions });
    }
    const steps = frames.map((one) => one.predictions), [first] = steps[0];
    const label = this.known !== null && target.classes.includes(this.known) ? this.known : first.label;
    const title = byId("shift").selectedOptions[0].textContent, networks = models.map(({ method, path }) => [method, path.split("/").pop()]);
    const heldOut = target.key, named = { shift: name, title, known: label, heldOut, networks: Object.fromEntries(networks) };
    this.strip.at = { severity: this.shift.severity, here: this.here };
    this.strip.show({ key, frames, ...named });
    if (!this.slid) this.goTo(firstBreak(steps, this.strip.label) ?? START_SEVERITY);
  }

  /** The chosen layer of the network in full precision, on the grid of the chosen width. */
  async showGrid() {
    const full = this.target.models.find((one) => one.method === "erm");
    if (!full) {
      byId("grid").hidden = true;
      return;
    }
    const checkpoint = await this.engine.config(full.path);
    listLayers(graphFor(this.manifest, checkpoint));
    const asked = { path: full.path, layer: byId("layer").value, ...this.rounding }, key = JSON.stringify(asked);
    if (key !== this.shownLayer) {
      showLayer(await this.engine.layer(asked));
      this.shownLayer = key;
    }
    byId("grid").hidden = this.tab !== "quantize";
  }

  /** @returns {number | null} the class whose evidence is shown, or each model's own */
  get evidence() {
    const place = this.target.classes.indexOf(byId("class").value);
    return place < 0 ? null : place;
  }

  /**
   * @param {Pixels} pixels
   * @param {import("./cards.js").Answer[]} answers
   * @param {import("./engine.js").Said[]} said
   */
  showEvidence(pixels, answers, said) {
    const looks = answers.flatMap(({ prediction: one, facts }, i) => {
      const { heat } = said[i];
      if (!heat) return [];
      const { method, name } = one;
      return [{ method, name, marker: facts.marker, label: this.target.classes[heat.label], heat }];
    });
    showLooks(byId("looks"), pixels, looks);
  }

  showRate() {
    if (this.source !== "camera") return;
    this.times = [...this.times, performance.now()].slice(-FRAMES);
    const [first] = this.times, last = this.times[this.times.length - 1];
    if (this.times.length < 3) return;
    const rate = ((this.times.length - 1) * 1000) / (last - first);
    byId("rate").textContent = `${rate.toFixed(1)} frames a second`;
  }

  /** Load the models that are shown, one after the other. */
  fetchModels() {
    const order = this.shown.sort((one, other) => ORDER.indexOf(one.method) - ORDER.indexOf(other.method));
    let before = Promise.resolve();
    for (const model of order) {
      const known = this.loading.get(keyOf(model));
      if (known) {
        before = known.catch(() => {});
        continue;
      }
      const loading = before.then(() => this.load(model));
      this.loading.set(keyOf(model), loading);
      loading.then(() => this.answer(), (error) => {
        this.loading.delete(keyOf(model));
        this.say(error.message);
      });
      before = loading.catch(() => {});
    }
  }

  /** @param {Shown} model */
  async load(model) {
    const { path, rounding } = model, { name } = this.manifest.methods[model.method], runtime = "The engine";
    const files = await this.engine.files(path);
    const engine = this.manifest.files.filter((one) => one.path === RUNTIME);
    if (!this.loaded.size) this.downloads.begin(runtime, engine);
    this.downloads.begin(name, files);
    try {
      const facts = await this.engine.load({ path, rounding }, (file, done) => this.downloads.progress(file, done));
      this.loaded.set(keyOf(model), facts);
      const set = new URL("checkpoints/", document.baseURI).href, folder = new URL(".", document.baseURI).href;
      this.onceLoaded([...files.map((one) => /** @type {[string, typeof one]} */ ([set, one])),
        ...engine.map((one) => /** @type {[string, typeof one]} */ ([folder, one]))]);
    } finally {
      this.downloads.end(name);
      this.downloads.end(runtime);
    }
  }

  /** @param {string} text one sentence, or nothing */
  say(text) {
    const notice = byId("picture-notice");
    notice.textContent = text;
    notice.hidden = !text;
  }
}

/** @param {Shown} model @returns {string} */
function keyOf({ path, rounding }) {
  return rounding ? `${path} ${rounding.bits} ${rounding.rule}` : path;
}
