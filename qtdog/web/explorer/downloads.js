// What is on its way: a bar for every model, with its bytes.

import { element } from "./dom.js";

/** @typedef {import("./manifest.js").FileHash} FileHash */

export class Downloads {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.done = /** @type {Map<string, number>} */ (new Map());
    this.bars = /** @type {Map<string, {row: HTMLElement, meter: HTMLElement, words: HTMLElement, files: FileHash[]}>} */ (new Map());
  }

  /**
   * Show a bar for some files until `end`.
   * @param {string} name
   * @param {FileHash[]} files
   */
  begin(name, files) {
    if (this.bars.has(name)) return;
    const meter = element("progress", { max: 1, value: 0, "aria-label": `Download of ${name}` });
    const words = element("span", { class: "counts" });
    const row = element("div", { class: "download" }, element("span", {}, name), meter, words);
    this.bars.set(name, { row, meter, words, files });
    this.place.append(row);
    this.show();
  }

  /** @param {string} name */
  end(name) {
    this.bars.get(name)?.row.remove();
    this.bars.delete(name);
  }

  /** @param {string} file @param {number} done */
  progress(file, done) {
    this.done.set(file, done);
    this.show();
  }

  show() {
    for (const { meter, words, files } of this.bars.values()) {
      const total = files.reduce((sum, one) => sum + one.size_bytes, 0);
      const done = files.reduce((sum, one) => sum + (this.done.get(one.path) ?? 0), 0);
      meter.setAttribute("value", String(done / total));
      words.textContent = `${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
    }
  }
}
