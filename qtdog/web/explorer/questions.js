// Questions to a worker, answers as promises.

/** @typedef {(file: string, done: number, total: number) => void} Progress */

export class Questions {
  /** @param {string} file the worker's module, beside this one @param {string} whyNot said when it does not start */
  constructor(file, whyNot) {
    this.worker = new Worker(new URL(file, import.meta.url), { type: "module" });
    this.waiting = /** @type {Map<number, {resolve: Function, reject: Function, progress: Progress}>} */ (new Map());
    this.last = 0;
    this.worker.addEventListener("message", ({ data }) => this.hear(data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const one of this.waiting.values()) one.reject(new Error(whyNot));
      this.waiting.clear();
    });
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
