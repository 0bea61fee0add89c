// One thread's share of the networks: their sessions in ONNX Runtime, run one after the other.

import * as ort from "../onnxruntime/ort.wasm.min.mjs";

/** @typedef {{logits: number[], milliseconds: number, features: {data: Float32Array, shape: number[]} | null}} Ran */

const sessions = /** @type {Map<number, any>} */ (new Map());
let last = 0;

/** What can be asked, by name. */
const ANSWERS = {
  /** @param {{binary: ArrayBuffer, folder: string, threads: number}} asked */
  async start({ binary, folder, threads }) {
    ort.env.wasm.wasmBinary = binary;
    ort.env.wasm.wasmPaths = folder;
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = "error";
  },

  /** @param {{model: Uint8Array, path: string, weights: Float32Array}} asked @returns {Promise<number>} the session */
  async create({ model, path, weights }) {
    const session = await ort.InferenceSession.create(model, {
      executionProviders: ["wasm"],
      externalData: [{ path, data: new Uint8Array(weights.buffer) }],
    });
    last += 1;
    sessions.set(last, session);
    return last;
  },

  /**
   * @param {{session: number, images: Float32Array, shape: number[], withFeatures: boolean}} asked
   * @returns {Promise<Ran>}
   */
  async run({ session, images, shape, withFeatures }) {
    const start = performance.now();
    const wanted = withFeatures ? ["logits", "features"] : ["logits"];
    const outputs = await sessions.get(session).run({ images: new ort.Tensor("float32", images, shape) }, wanted);
    const milliseconds = performance.now() - start;
    const { features } = outputs;
    return {
      logits: [...outputs.logits.data], milliseconds,
      features: features ? { data: features.data, shape: features.dims } : null,
    };
  },

  /** @param {number} session */
  async release(session) {
    await sessions.get(session)?.release();
    sessions.delete(session);
  },
};

let busy = Promise.resolve();

addEventListener("message", ({ data: { id, kind, asked } }) => {
  busy = busy.then(async () => {
    try {
      postMessage({ id, value: await /** @type {any} */ (ANSWERS)[kind](asked) });
    } catch (error) {
      postMessage({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
});
