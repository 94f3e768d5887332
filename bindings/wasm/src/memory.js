// C arrays and structs in the memory of a WebAssembly module.

const PAGE = 65536;

export class Memory {
  #exports;
  #structs;
  #top = 0;

  // The exports of the module, and the layout of the structs of segloss.h.
  constructor(exports, structs) {
    this.#exports = exports;
    this.#structs = structs;
    this.reset();
  }

  // Frees everything.
  reset() {
    this.#top = this.#exports.__heap_base.value;
  }

  // The address of `bytes` bytes with any content. The memory grows as needed, and then earlier views are invalid.
  take(bytes) {
    const at = (this.#top + 15) & ~15;
    const { memory } = this.#exports;
    const missing = at + bytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    this.#top = at + bytes;
    return at;
  }

  // A view of the numbers at an address.
  view(at, Type, length) {
    return new Type(this.#exports.memory.buffer, at, length);
  }

  // The address of a copy of a typed array.
  put(array) {
    const at = this.take(array.byteLength);
    // As bytes: a half or a clamped array need not have a type of its own here.
    this.view(at, Uint8Array, array.byteLength).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return at;
  }

  // The address of doubles.
  putNumbers(numbers) {
    return this.put(Float64Array.from(numbers));
  }

  size(struct) {
    return this.#structs[struct].size;
  }

  // The address of a struct whose other fields are 0.
  struct(name, values = {}) {
    const size = this.size(name);
    const at = this.take(size);
    this.view(at, Uint8Array, size).fill(0);
    this.set(at, name, values);
    return at;
  }

  // Writes fields of the struct at an address; the value of a nested struct is an object of its fields.
  set(at, name, values) {
    const view = new DataView(this.#exports.memory.buffer);
    for (const [field, value] of Object.entries(values)) {
      const { type, at: offset } = this.#structs[name].fields[field];
      if (typeof value === "object") this.set(at + offset, type, value);
      else if (type === "double") view.setFloat64(at + offset, value, true);
      else view.setUint32(at + offset, value, true);
    }
  }

  // The number in a field of the struct at an address.
  get(at, name, field) {
    const { type, at: offset } = this.#structs[name].fields[field];
    const view = new DataView(this.#exports.memory.buffer);
    if (type === "double") return view.getFloat64(at + offset, true);
    if (type === "int64_t") return Number(view.getBigInt64(at + offset, true));
    return view.getUint32(at + offset, true);
  }

  // The string in a field, or "" where it is NULL.
  text(at, name, field) {
    return this.string(this.get(at, name, field));
  }

  // The ASCII string at an address, or "" at 0.
  string(at) {
    if (at === 0) return "";
    const bytes = new Uint8Array(this.#exports.memory.buffer, at);
    return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
  }

  // The fields of a segloss_tensor that holds a copy of an array.
  tensor(array, dtype, shape, strides) {
    const integers = (list) => this.put(BigInt64Array.from(list, BigInt));
    const [extents, steps] = [integers(shape), strides ? integers(strides) : 0];
    return { data: this.put(array), shape: extents, strides: steps, ndim: shape.length, dtype };
  }
}
