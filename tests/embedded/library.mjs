// The library as a wasm module: its functions, and C structs in its memory with the layout of include/segloss.h.

import { readFileSync } from "node:fs";

// Sizes on wasm32. Types that are neither here nor structs are pointers, as the types of callbacks.
const SIZES = { uint32_t: 4, int32_t: 4, size_t: 4, segloss_status: 4, uint64_t: 8, int64_t: 8, double: 8 };
const MEGABYTES = 16;

// name → { size, fields: name → { type, at, size } }; no struct has padding.
function structs(header) {
  const found = {};
  for (const [, body, name] of header.replace(/\/\/.*/g, "").matchAll(/typedef struct \w+ \{([^}]*)\} (\w+);/g)) {
    const fields = {};
    let size = 0;
    for (const declaration of body.split(";").map((line) => line.trim()).filter(Boolean)) {
      const callback = declaration.match(/\(\*(\w+)\)/);
      const [, type, star, plain, count] = declaration.match(/(\w+)\s+(\**)(\w+)(?:\[(\d+)\])?$/) ?? [];
      const kind = callback || star ? "pointer" : type;
      const each = (found[kind]?.size ?? SIZES[kind]) || 4;
      fields[callback?.[1] ?? plain] = { type: kind, at: size, size: each };
      size += each * Number(count ?? 1);
    }
    found[name] = { size, fields };
  }
  return found;
}

export class Library {
  constructor(module, header) {
    const text = readFileSync(header, "utf8");
    this.structs = structs(text);
    this.constants = Object.fromEntries([...text.matchAll(/^#define (SEGLOSS_\w+) (\d+)$/gm)].map(([, k, v]) => [k, +v]));
    // The module imports nothing, neither an allocator nor a clock.
    this.call = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(module)), {}).exports;
    this.call.memory.grow(MEGABYTES * 16);
    this.reset();
  }

  // Frees everything that was taken.
  reset() {
    this.top = this.call.__heap_base.value;
  }

  // The address of `bytes` zeroed bytes.
  take(bytes) {
    const at = (this.top + 15) & ~15;
    this.top = at + bytes;
    if (this.top > this.call.memory.buffer.byteLength) throw new Error("out of memory");
    new Uint8Array(this.call.memory.buffer, at, bytes).fill(0);
    return at;
  }

  // The address of a copy of an array.
  put(array) {
    const at = this.take(array.byteLength);
    new array.constructor(this.call.memory.buffer, at, array.length).set(array);
    return at;
  }

  doubles(at, count) {
    return new Float64Array(this.call.memory.buffer, at, count);
  }

  // A C-contiguous tensor.
  tensor(array, dtype, shape) {
    const extents = this.put(BigInt64Array.from(shape, BigInt));
    return { data: this.put(array), shape: extents, ndim: shape.length, dtype: this.constants[dtype] };
  }

  // Writes fields of the struct at an address; the value of a nested struct is an object of its fields.
  set(at, name, values) {
    const view = new DataView(this.call.memory.buffer);
    for (const [field, value] of Object.entries(values)) {
      const { type, at: offset } = this.structs[name].fields[field];
      if (typeof value === "object") this.set(at + offset, type, value);
      else if (type === "double") view.setFloat64(at + offset, value, true);
      else view.setUint32(at + offset, value, true);
    }
  }

  // The text of an error.
  error(at) {
    const { argument, expected } = this.structs.segloss_error.fields;
    const view = new DataView(this.call.memory.buffer);
    const text = (field) => {
      const bytes = new Uint8Array(this.call.memory.buffer, view.getUint32(at + field.at, true));
      return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
    };
    return `${text(argument)}: ${text(expected)}`;
  }
}
