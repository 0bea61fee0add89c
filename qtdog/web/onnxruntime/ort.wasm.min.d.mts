// What we use of onnxruntime-web.
export const env: { wasm: any; logLevel: string };
export const InferenceSession: { create(model: Uint8Array, options: unknown): Promise<any> };
export const Tensor: new (type: string, data: Float32Array, shape: number[]) => any;
