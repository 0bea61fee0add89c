/** What is asked of a trainer, in a worker or, where there is none, on the page. */

import { Live } from "./live.js";
import { repeat } from "./repeats.js";

/** @typedef {import("./settings.js").Settings} Settings */
/**
 * @typedef {{ kind: "begin", settings: Settings }
 *     | { kind: "advance", steps: number }
 *     | { kind: "repeat", settings: Settings, seed: number, only?: string[] }} Request
 */
/** @typedef {{ frame?: import("./live.js").Frame, repeat?: import("./repeats.js").Repeat }} Answer */

export class Trainer {
  /** @type {Live | null} */
  #live = null;

  /** @param {Request} request  @returns {Answer} */
  answer(request) {
    if (request.kind === "repeat") return { repeat: repeat(request.settings, request.seed, request.only) };
    if (request.kind === "begin") {
      this.#live = new Live(request.settings);
      return { frame: this.#live.frame() };
    }
    if (!this.#live) throw new Error("Nothing was begun.");
    return { frame: this.#live.advance(request.steps) };
  }
}

/** A trainer elsewhere: `ask` it, and it answers in time. */
export class Remote {
  constructor() {
    /** @type {Map<number, (answer: Answer) => void>} */
    this.waiting = new Map();
    this.count = 0;
    /** @type {Worker | null} */
    this.worker = null;
    this.near = new Trainer();
    try {
      this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
      this.worker.onmessage = ({ data }) => this.#take(data.id, data);
      this.worker.onerror = () => this.#comeNear();
    } catch {
      this.#comeNear(); // a page opened as a file, or an old browser
    }
  }

  /** @param {Request} request  @returns {Promise<Answer>} */
  ask(request) {
    const id = this.count++;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.requests.set(id, request);
      if (this.worker) this.worker.postMessage({ id, request });
      else this.#answerNear(id);
    });
  }

  /** Whether it is on the page, for want of a worker. */
  get isNear() {
    return this.worker === null;
  }

  /** Stop; nothing is answered any more. */
  close() {
    this.worker?.terminate();
    this.waiting.clear();
  }

  /** @type {Map<number, Request>} */
  requests = new Map();

  /** @param {number} id  @param {Answer} answer */
  #take(id, answer) {
    this.waiting.get(id)?.(answer);
    this.waiting.delete(id);
    this.requests.delete(id);
  }

  /** No worker could be started: train on the page, more slowly. */
  #comeNear() {
    this.worker = null;
    for (const id of this.waiting.keys()) this.#answerNear(id);
  }

  #answerNear(/** @type {number} */ id) {
    setTimeout(() => {
      const request = this.requests.get(id);
      if (request && this.waiting.has(id)) this.#take(id, this.near.answer(request));
    });
  }
}
