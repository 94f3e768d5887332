// The functions of the package. index.d.ts documents them.

import { CONSTANTS } from "../dist/abi.js";
import { checkShape, described, product, tensor } from "./arrays.js";
import { putBatch, putScratch } from "./batch.js";
import { SeglossError, refuse } from "./errors.js";
import { load, loaded } from "./library.js";
import { LOSSES, PRESETS } from "./losses.js";
import { putTerms } from "./terms.js";

export { LOSSES, PRESETS, SeglossError };

export async function init(options) {
  const library = await load(options);
  const version = library.call.segloss_version();
  return { simd: library.simd, version: [version >> 16, (version >> 8) & 255, version & 255].join(".") };
}

export const value = (batch) => run(batch, false).value;
export const valueAndGradient = (batch) => run(batch, true);

function run(batch, withGradient) {
  const library = loaded();
  const { memory, call } = library;
  const { at, error, shape } = putBatch(library, batch, ["terms", "grad_scale", "class_values"]);
  const { data } = described(batch.pred, "pred");
  const [terms, count] = putTerms(library, batch.terms, shape);
  const set = (values) => memory.set(at, "segloss_args", values);
  putScratch(library, "segloss_args", at, error, (bytes) => call.segloss_scratch_size(terms, count, at, bytes));
  const [total, each] = [memory.take(8), memory.take(8 * count)];
  const ofClasses = memory.take(8 * count * shape[0] * shape[1]);
  // Of a prediction with strides, elements that no index reaches get gradient 0.
  const gradient = withGradient ? memory.put(new data.constructor(data.length)) : 0;
  set({ value: total, term_values: each, grad: { data: gradient } });
  if (batch.class_values) set({ class_values: ofClasses });
  library.check(call.segloss_run(terms, count, at), error);
  const found = { value: memory.view(total, Float64Array, 1)[0], term_values: memory.view(each, Float64Array, count).slice() };
  if (withGradient) found.gradient = memory.view(gradient, data.constructor, data.length).slice();
  if (batch.class_values) found.class_values = memory.view(ofClasses, Float64Array, count * shape[0] * shape[1]).slice();
  return found;
}

export function distanceField(batch) {
  const library = loaded();
  const { memory, call } = library;
  const { at, error, shape } = putBatch(library, batch, ["term"]);
  const [term] = putTerms(library, [batch.term], shape);
  putScratch(library, "segloss_args", at, error, (bytes) => call.segloss_scratch_size(term, 1, at, bytes));
  const [samples, , ...space] = shape;
  const extents = batch.term.loss === "distance_penalized" ? [samples, ...space] : shape;
  const field = memory.take(4 * product(extents));
  library.check(call.segloss_distance_field(term, at, memory.struct("segloss_output", { data: field })), error);
  return memory.view(field, Float32Array, product(extents)).slice();
}

const WEIGHTS = { inverse: "SEGLOSS_WEIGHT_INVERSE", inverse_sqrt: "SEGLOSS_WEIGHT_INVERSE_SQRT", median: "SEGLOSS_WEIGHT_MEDIAN" };

export function classWeights(batch) {
  const library = loaded();
  const { memory, call } = library;
  const { kind = "inverse" } = batch;
  if (!Object.hasOwn(WEIGHTS, kind)) throw refuse("kind", Object.keys(WEIGHTS).join(" or "), kind);
  const { at, error, shape } = putBatch(library, batch, ["kind"]);
  const [term] = putTerms(library, [{ loss: "dice" }], shape);
  putScratch(library, "segloss_args", at, error, (bytes) => call.segloss_scratch_size(term, 1, at, bytes));
  const weights = memory.take(8 * shape[1]);
  library.check(call.segloss_class_weights(at, CONSTANTS[WEIGHTS[kind]], weights), error);
  return memory.view(weights, Float64Array, shape[1]).slice();
}

const KINDS = ["signed", "inside", "outside", "other_side"];

export function distance({ mask, shape, spacing, kind = "signed", squared = false, black_border = false, classes = 0, dtype = "f32" }) {
  const library = loaded();
  const { memory, call } = library;
  const extents = checkShape(shape, "shape");
  if (!KINDS.includes(kind)) throw refuse("kind", KINDS.join(" or "), kind);
  if (!["f32", "f64"].includes(dtype)) throw refuse("dtype", "f32 or f64", dtype);
  if (spacing && spacing.length !== extents.length) throw refuse("spacing", `${extents.length} numbers`, spacing.length);
  const error = memory.struct("segloss_error");
  const size = memory.size("segloss_distance_args");
  const at = memory.take(size);
  library.check(call.segloss_distance_args_init(at, size));
  const [Type, bytes] = dtype === "f64" ? [Float64Array, 8] : [Float32Array, 4];
  const count = product(extents) * Math.max(classes, 1);
  const out = memory.take(bytes * count);
  memory.set(at, "segloss_distance_args", {
    kind: CONSTANTS[`SEGLOSS_${kind.toUpperCase()}`],
    flags: (squared ? CONSTANTS.SEGLOSS_DISTANCE_SQUARED : 0) | (black_border ? CONSTANTS.SEGLOSS_DISTANCE_BLACK_BORDER : 0),
    classes,
    mask: tensor(memory, mask, "mask", [extents]),
    spacing: spacing ? memory.putNumbers(spacing) : 0,
    out: { data: out, dtype: CONSTANTS[`SEGLOSS_${dtype.toUpperCase()}`] },
    error,
  });
  putScratch(library, "segloss_distance_args", at, error, (to) => call.segloss_distance_scratch_size(at, to));
  library.check(call.segloss_distance(at), error);
  return memory.view(out, Type, count).slice();
}
