// The WebAssembly module: chosen, loaded, and its errors.

import { CONSTANTS, STRUCTS } from "../dist/abi.js";
import { SeglossError, errorAt } from "./errors.js";
import { Memory } from "./memory.js";

// A function that returns a vector: an engine without simd128 refuses it.
const RETURNS_VECTOR = Uint8Array.of(
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // magic, version
  1, 5, 1, 0x60, 0, 1, 0x7b, // type: () -> v128
  3, 2, 1, 0, // one function of this type
  10, 22, 1, 20, 0, 0xfd, 12, ...new Uint8Array(16), 11, // v128.const 0
);

export const hasSimd = () => WebAssembly.validate(RETURNS_VECTOR);

class Library {
  constructor(instance, simd) {
    this.call = instance.exports;
    this.memory = new Memory(instance.exports, STRUCTS);
    this.simd = simd;
  }

  // Throws where a status is not SEGLOSS_OK; `error` is the address of the segloss_error of the call.
  check(status, error) {
    if (status === CONSTANTS.SEGLOSS_OK) return;
    const text = (code) => this.memory.string(this.call.segloss_status_string(code));
    if (error && this.memory.get(error, "segloss_error", "status") === status) {
      throw errorAt(this.memory, error, text, CONSTANTS);
    }
    throw new SeglossError(text(status));
  }
}

let library;

// Loads the module once; later calls return the same.
export async function load({ simd = hasSimd(), module } = {}) {
  // Written out, so that bundlers find the files.
  const url = simd
    ? new URL("../dist/segloss_simd.wasm", import.meta.url)
    : new URL("../dist/segloss_scalar.wasm", import.meta.url);
  const instance = await instantiate(module ?? url);
  library = new Library(instance, simd);
  return library;
}

async function instantiate(source) {
  if (source instanceof WebAssembly.Module) return new WebAssembly.Instance(source, {});
  if (source instanceof URL) return (await WebAssembly.instantiate(await read(source), {})).instance;
  return (await WebAssembly.instantiate(source, {})).instance;
}

async function read(url) {
  if (url.protocol === "file:") return (await import("node:fs/promises")).readFile(url);
  const response = await fetch(url);
  if (!response.ok) throw new SeglossError(`${url}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

// The loaded library with its memory empty.
export function loaded() {
  if (!library) throw new SeglossError("segloss is not loaded: await init() first");
  library.memory.reset();
  return library;
}
