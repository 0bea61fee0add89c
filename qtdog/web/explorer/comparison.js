// Quantize's second view: two networks that are chosen, compared, and one of their layers.

import { chosenLayer, comparison, layersCsv, layersFigure, layersTable, nameOf, namesOf } from "./compared.js";
import { csvLink } from "./csv.js";
import { byId, element } from "./dom.js";
import { channelsTable, histograms, layerSentence, scatter } from "./paired.js";

/** @typedef {import("./manifest.js").Target} Target */
/** @typedef {import("./compare.js").Compared} Compared */
/** @typedef {import("./compared.js").Networks} Networks */

const PAIR = ["weights-first", "weights-second"];
const FIGURES = ["weights-layers", "weights-layer-said", "weights-channels", "weights-pair", "weights-save"];

export class Comparison {
  /**
   * @param {import("./engine.js").Engine} engine
   * @param {Target} target
   * @param {() => void} changed hears that what the address carries has changed
   */
  constructor(engine, target, changed) {
    this.engine = engine;
    this.target = target;
    this.changed = changed;
    this.named = "";  // the layer that the address or a click asks for; empty for the one that differs most
    this.asked = 0;
    this.found = /** @type {Compared | null} */ (null);
    byId("weights").addEventListener("toggle", () => this.show());
    for (const id of PAIR) byId(id).addEventListener("change", () => this.show());
    byId("weights-layers").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const layer = /** @type {HTMLElement} */ (event.target).closest("[data-layer]");
      if (layer) this.choose(/** @type {HTMLElement} */ (layer).dataset.layer ?? "");
    });
    byId("weights-layer").addEventListener("change", () => this.choose(byId("weights-layer").value));
  }

  /** The networks of a held-out domain: full precision with QT-DoG at first. @param {Target} target */
  list(target) {
    this.target = target;
    PAIR.forEach((id, side) => {
      const list = /** @type {HTMLSelectElement} */ (byId(id)), chosen = list.value;
      list.replaceChildren(...target.networks.map((one) => element("option", { value: one.path }, nameOf(one))));
      list.value = target.networks.some((one) => one.path === chosen) ? chosen : this.usual[side];
    });
  }

  /** @returns {string[]} */
  get usual() {
    return ["erm", "qt-dog"].map((method) => this.target.models.find((one) => one.method === method)?.path ?? "");
  }

  /** Set what the address says. @param {Map<string, string>} said */
  begin(said) {
    byId("weights").open = said.get("quantize") === "weights";
    for (const id of PAIR) if (said.has(id)) byId(id).value = said.get(id);
    this.named = said.get("weights-layer") ?? "";
  }

  /** @returns {Record<string, [string, string]>} what the address carries */
  get state() {
    return {
      quantize: [byId("weights").open ? "weights" : "grid", "grid"],
      ...Object.fromEntries(PAIR.map((id, side) => [id, [byId(id).value, this.usual[side]]])),
      "weights-layer": [this.named, ""],
    };
  }

  /** @returns {string[]} the paths of the chosen two */
  get pair() {
    return PAIR.map((id) => byId(id).value);
  }

  /** @returns {Networks} */
  get networks() {
    const [one, other] = this.pair.map((path) => this.target.networks.find((each) => each.path === path));
    if (!one || !other) throw new Error("There is no such network.");
    return [one, other];
  }

  /** Compare the chosen two, where that is looked at. */
  async show() {
    this.changed();
    if (!byId("weights").open || this.target.networks.length < 2) return;
    byId("weights-said").textContent = "Comparing the weights …";
    for (const id of FIGURES) byId(id).replaceChildren();
    this.found = null;
    await this.unlessAnother(async () => {
      const [first, second] = this.pair, found = await this.engine.compare(first, second);
      return () => {
        const [lead, aside] = comparison(found, namesOf(...this.networks));
        this.found = found;
        byId("weights-said").replaceChildren(lead, element("span", { class: "aside" }, aside));
        const names = found.layers.map((one, i) => element("option", { value: one.name }, `${i + 1} · ${one.name} · ${one.kind}`));
        byId("weights-layer").replaceChildren(...names);
        const csv = layersCsv(found, this.networks, this.target);
        byId("weights-save").replaceChildren(csvLink(csv, "qtdog-weights.csv", "Every layer in numbers (CSV)"));
        return this.showLayer();
      };
    });
  }

  /** Another layer. @param {string} layer */
  choose(layer) {
    this.named = layer;
    this.changed();
    return this.showLayer();
  }

  /** The layer that is named, or else differs most. */
  async showLayer() {
    const { found } = this;
    if (!found) return;
    const layer = chosenLayer(found, this.named), { networks } = this;
    byId("weights-layer").value = layer;
    const opened = byId("weights-layers").querySelector("details")?.open ?? false, table = layersTable(found, networks);
    table.toggleAttribute("open", opened);
    byId("weights-layers").replaceChildren(layersFigure(found, networks, layer), table);
    await this.unlessAnother(async () => {
      const [first, second] = this.pair, pair = await this.engine.pair(first, second, layer);
      return () => {
        byId("weights-layer-said").textContent = layerSentence(pair, networks);
        byId("weights-channels").replaceChildren(channelsTable(pair, networks));
        byId("weights-pair").replaceChildren(histograms(pair, networks), scatter(pair, networks));
      };
    });
  }

  /**
   * Ask, then show, unless something else was asked meanwhile.
   * @param {() => Promise<() => unknown>} ask
   */
  async unlessAnother(ask) {
    this.asked += 1;
    const { asked } = this;
    try {
      const show = await ask();
      if (asked === this.asked) await show();
    } catch (error) {
      if (asked === this.asked) byId("weights-said").textContent = /** @type {Error} */ (error).message;
    }
  }
}
