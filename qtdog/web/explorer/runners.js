// The networks shared out among a few workers, so that several answer at once.

import { Questions } from "./questions.js";

/** @typedef {import("./runner.js").Ran} Ran */
/** @typedef {{runner: Runner, session: number}} Place where a network lies */

// Each holds a runtime of its own, and a phone has little memory.
const MOST = 2;
const MOST_THREADS = 4;

class Runner {
  constructor() {
    this.questions = new Questions("runner.js", "The networks' worker did not start.");
    this.networks = 0;
  }
}

export class Runners {
  /** @param {ArrayBuffer} binary the runtime @param {string} folder its address */
  constructor(binary, folder) {
    this.binary = binary;
    this.folder = folder;
    this.all = /** @type {Runner[]} */ ([]);
    this.cores = navigator.hardwareConcurrency || 1;
  }

  /** The runner with the fewest networks; a further one when each has work and a core is left. */
  next() {
    const least = this.all.reduce(
      (first, one) => (first && first.networks <= one.networks ? first : one), /** @type {Runner | null} */ (null),
    );
    if (least && (!least.networks || this.all.length >= Math.min(MOST, this.cores))) return least;
    const runner = new Runner(), { folder, binary } = this;
    const threads = globalThis.crossOriginIsolated
      ? Math.max(1, Math.floor(Math.min(MOST_THREADS, this.cores) / MOST)) : 1;
    runner.questions.ask("start", { binary, folder, threads }).catch(() => {});  // the next question fails too
    this.all.push(runner);
    return runner;
  }

  /**
   * @param {Uint8Array} model an ONNX file
   * @param {string} path by which it calls its weights
   * @param {Float32Array} weights are given away
   * @returns {Promise<Place>}
   */
  async create(model, path, weights) {
    const runner = this.next();
    runner.networks += 1;
    try {
      return { runner, session: await runner.questions.ask("create", { model, path, weights }, () => {}, [weights.buffer]) };
    } catch (error) {
      runner.networks -= 1;
      throw error;
    }
  }

  /**
   * @param {Place} place
   * @param {Float32Array} images (batch, 3, size, size)
   * @param {number[]} shape
   * @param {boolean} withFeatures
   * @returns {Promise<Ran>}
   */
  run({ runner, session }, images, shape, withFeatures) {
    return runner.questions.ask("run", { session, images, shape, withFeatures });
  }

  /** @param {Place} place */
  async release({ runner, session }) {
    runner.networks -= 1;
    await runner.questions.ask("release", session);
  }
}

/**
 * How long some networks took that ran side by side: as long as the runner with most to do.
 * @param {{runner: Runner, milliseconds: number}[]} shares
 */
export function together(shares) {
  const each = /** @type {Map<Runner, number>} */ (new Map());
  for (const { runner, milliseconds } of shares) each.set(runner, (each.get(runner) ?? 0) + milliseconds);
  return Math.max(...each.values());
}
