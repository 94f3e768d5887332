// Typed arrays as the tensors of the C library.

import { CONSTANTS } from "../dist/abi.js";
import { refuse } from "./errors.js";

const DTYPES = {
  Float16Array: "f16", Float32Array: "f32", Float64Array: "f64",
  Uint8Array: "u8", Uint8ClampedArray: "u8", Uint16Array: "u16", Uint32Array: "u32", BigUint64Array: "u64",
  Int8Array: "i8", Int16Array: "i16", Int32Array: "i32", BigInt64Array: "i64",
};
// What the bits of a Uint16Array may be instead.
const HALVES = ["f16", "bf16"];

export const product = (extents) => extents.reduce((all, extent) => all * extent, 1);

// A typed array, or { data, dtype, strides }, as those three; dtype and strides may be left out.
export function described(argument, name) {
  const { data, dtype, strides } = ArrayBuffer.isView(argument) ? { data: argument } : (argument ?? {});
  // By name: arrays of another frame or worker are of other classes, and few engines have Float16Array.
  const own = DTYPES[data?.[Symbol.toStringTag]];
  if (!own) throw refuse(name, "a typed array, or { data, dtype, strides }", (data ?? argument)?.constructor?.name);
  if (dtype !== undefined && dtype !== own && !(own === "u16" && HALVES.includes(dtype))) {
    throw refuse(`${name}.dtype`, own === "u16" ? "u16, f16 or bf16" : own, dtype);
  }
  return { data, strides, dtype: dtype ?? own };
}

export const isFloat = (dtype) => ["f16", "bf16", "f32", "f64"].includes(dtype);
export const code = (dtype) => CONSTANTS[`SEGLOSS_${dtype.toUpperCase()}`];

// The tensor of an argument; `shapes` are those that it may have, and its length says which.
export function tensor(memory, argument, name, shapes) {
  const { data, dtype, strides } = described(argument, name);
  const found = strides ? shapes.find((shape) => shape.length === strides.length) : shapes.find((shape) => product(shape) === data.length);
  if (!found) {
    const wanted = strides ? shapes.map((shape) => `${shape.length} strides`) : shapes.map((shape) => `${product(shape)} numbers`);
    throw refuse(name, [...new Set(wanted)].join(" or "), strides ? strides.length : data.length);
  }
  if (strides) checkStrides(data, found, strides, name);
  return memory.tensor(data, code(dtype), found, strides);
}

// The library reads where the strides lead, so they have to stay inside of the array.
function checkStrides(data, shape, strides, name) {
  if (!strides.every((stride) => Number.isInteger(stride) && stride >= 0)) {
    throw refuse(`${name}.strides`, "integers >= 0", strides);
  }
  const last = shape.reduce((at, extent, axis) => at + (extent - 1) * strides[axis], 0);
  if (product(shape) > 0 && last >= data.length) throw refuse(`${name}.strides`, `the last element below ${data.length}`, last);
}

// [B, C, ...] with one spatial axis or more.
export function checkShape(shape, name) {
  const isShape = shape && typeof shape !== "string" && shape.length >= 1;
  if (!isShape || ![...shape].every((extent) => Number.isInteger(extent) && extent >= 0)) {
    throw refuse(name, "an array of integers >= 0", shape);
  }
  return [...shape];
}
