// Loads onnxruntime-web once and runs the ONNX files beside this script. Everything comes from this site.

const at = (name) => new URL(name, import.meta.url);
const TYPES = { float32: Float32Array, int64: BigInt64Array };
let starting;

async function bytes(name) {
  const answer = await fetch(at(name));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** The bytes of a compressed file, which some hosts unpack on the way. */
async function unpacked(name) {
  const data = await bytes(name);
  if (data[0] !== 0x1f || data[1] !== 0x8b) return data;
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function start() {
  const [ort, binary] = await Promise.all([import("./ort.js"), unpacked("ort.wasm.gz")]);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { mjs: at("ort-wasm.js").href };
  ort.env.wasm.wasmBinary = binary;
  return ort;
}

/** A function that runs the model `name`: from {input: {data, dims, type}} to {output: {data, dims}}; runs wait for each other. */
export async function load(name) {
  starting ??= start().catch((error) => { starting = undefined; throw error; });
  const [ort, model] = await Promise.all([starting, bytes(`${name}.onnx`)]);
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  let last = Promise.resolve();
  return (inputs) => {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([key, { data, dims, type = "float32" }]) => {
      const Type = TYPES[type];
      const values = data instanceof Type ? data : Type.from(data, type === "int64" ? BigInt : Number);
      return [key, new ort.Tensor(type, values, dims)];
    }));
    last = last.catch(() => {}).then(() => session.run(feeds));
    return last;
  };
}
