// The page's side of the engine: questions to the worker, answers as promises.

/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./manifest.js").Accuracy} Accuracy */
/** @typedef {import("./manifest.js").FileHash} FileHash */

/**
 * @typedef {{width: number, height: number, label: number, values: number[]}} Heat
 * @typedef {{logits: number[][], milliseconds: number, heat: Heat | null}} Said
 * @typedef {{bits: number, sizeBytes: number, bitsPerWeight: number, measured: Accuracy}} Loaded
 * @typedef {(file: string, done: number, total: number) => void} Progress
 */

export class Engine {
  constructor() {
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.waiting = /** @type {Map<number, {resolve: Function, reject: Function, progress: Progress}>} */ (new Map());
    this.last = 0;
    this.worker.addEventListener("message", ({ data }) => this.hear(data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const one of this.waiting.values()) one.reject(new Error("The networks' worker did not start."));
      this.waiting.clear();
    });
  }

  /** @param {string} base @param {Manifest} manifest @returns {Promise<void>} */
  open(base, manifest) {
    return this.ask("open", { base, manifest });
  }

  /** @param {string} path @returns {Promise<FileHash[]>} a model's files of weights */
  files(path) {
    return this.ask("files", { path });
  }

  /** @param {string} path @param {Progress} progress @returns {Promise<Loaded>} */
  load(path, progress) {
    return this.ask("load", { path }, progress);
  }

  /**
   * A picture through some models.
   * @param {string[]} paths
   * @param {{data: Uint8ClampedArray, width: number, height: number}} image is given away
   * @param {(number | null)[] | null} looks the class that each is to show the place of, null for its own
   * @returns {Promise<Said[]>}
   */
  classify(paths, { data, width, height }, looks = null) {
    const picture = { rgba: data, width, height };
    return this.ask("ask", { paths, picture, looks }, () => {}, [data.buffer]);
  }

  /**
   * @param {string} kind
   * @param {unknown} asked
   * @param {Progress} progress
   * @param {Transferable[]} given
   * @returns {Promise<any>}
   */
  ask(kind, asked, progress = () => {}, given = []) {
    this.last += 1;
    const id = this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, progress });
      this.worker.postMessage({ id, kind, asked }, given);
    });
  }

  /** @param {any} message */
  hear({ id, file, done, total, value, error }) {
    const one = this.waiting.get(id);
    if (!one) return;
    if (file !== undefined) {
      one.progress(file, done, total);
      return;
    }
    this.waiting.delete(id);
    if (error === undefined) one.resolve(value);
    else one.reject(new Error(error));
  }
}
