// The golden values and gradients of PyTorch, and SciPy's distances, against the wasm module.
//
//     node tests/embedded/golden.mjs segloss.wasm

import { readFileSync } from "node:fs";
import { Library } from "./library.mjs";

const root = new URL("../../", import.meta.url).pathname;
const read = (name) => JSON.parse(readFileSync(`${root}tests/golden/${name}.json`));
const library = new Library(process.argv[2], `${root}include/segloss.h`);
const { call, structs } = library;
const SCRATCH = 1 << 20;
// Both sides are f64 sums of a few hundred numbers.
const TOLERANCE = 1e-12;

function close(title, ours, theirs) {
  const largest = Math.max(...theirs.map(Math.abs));
  ours.forEach((x, i) => {
    if (!(Math.abs(x - theirs[i]) <= TOLERANCE * largest)) throw new Error(`${title} at ${i}: ${x}, not ${theirs[i]}`);
  });
}

function succeed(title, status, error) {
  if (status !== 0) throw new Error(`${title}: ${error ? library.error(error) : `status ${status}`}`);
}

// The golden file holds options without the domain in the high bits; these constants have the domain.
const OPTIONS = {
  variant: {
    dice: "DICE_SQUARED", iou: "DICE_SQUARED", generalized_dice: "GDICE_INVERSE", penalty: "GDICE_INVERSE",
    top_k: "TOPK_THRESHOLD", boundary: "BOUNDARY_RIM_ZERO", hausdorff: "HAUSDORFF_ARGMAX",
  },
  class_average: "CLASS_POOLED",
  sample_average: "SAMPLE_POOLED",
  absent: "ABSENT_SKIPPED",
  normalizer: "NORMALIZE_BY_CLASS_WEIGHT",
};

function constants(form, numbers) {
  const coded = Object.entries(OPTIONS).filter(([field]) => numbers[field]).map(([field, name]) => {
    const constant = library.constants[`SEGLOSS_${typeof name === "string" ? name : name[form]}`];
    return [field, numbers[field] | (constant & ~0xffff)];
  });
  return { ...numbers, ...Object.fromEntries(coded) };
}

function terms(list, [samples, classes, ...space]) {
  const { size } = structs.segloss_term;
  const at = library.take(size * list.length);
  list.forEach(({ form, class_weight: weights, field, ...numbers }, k) => {
    const term = at + size * k;
    succeed(form, call.segloss_term_init(call[`segloss_${form}`](), term, size));
    library.set(term, "segloss_term", constants(form, numbers));
    if (weights) library.set(term, "segloss_term", { class_weight: library.put(Float64Array.from(weights)) });
    if (field) {
      const voxels = space.reduce((product, extent) => product * extent, samples);
      const shape = field.length === voxels ? [samples, ...space] : [samples, classes, ...space];
      library.set(term, "segloss_term", { field: library.tensor(Float64Array.from(field), "SEGLOSS_F64", shape) });
    }
  });
  return at;
}

function run(title, of, entry) {
  library.reset();
  const [samples, , ...space] = of.shape;
  const args = library.take(structs.segloss_args.size);
  const [value, error] = [library.take(8), library.take(structs.segloss_error.size)];
  const gradient = library.take(8 * of.pred.length);
  succeed(title, call.segloss_args_init(args, structs.segloss_args.size));
  const numbers = (list) => library.put(Float64Array.from(list));
  library.set(args, "segloss_args", {
    activation: of.activation,
    pred: library.tensor(Float64Array.from(of.pred), "SEGLOSS_F64", of.shape),
    target: of.labels
      ? library.tensor(BigInt64Array.from(of.labels, BigInt), "SEGLOSS_I64", [samples, ...space])
      : library.tensor(Float64Array.from(of.maps), "SEGLOSS_F64", of.shape),
    value,
    grad: { data: gradient },
    error,
    scratch: library.take(SCRATCH),
    scratch_size: SCRATCH,
  });
  if (of.voxel_weight) {
    const weight = library.tensor(Float64Array.from(of.voxel_weight), "SEGLOSS_F64", [samples, ...space]);
    library.set(args, "segloss_args", { voxel_weight: weight });
  }
  if (of.class_present) library.set(args, "segloss_args", { class_present: library.put(Uint8Array.from(of.class_present)) });
  if (of.spacing) library.set(args, "segloss_args", { spacing: numbers(of.spacing) });
  if (of.ignore) {
    const ignore = library.put(BigInt64Array.from(of.ignore, BigInt));
    library.set(args, "segloss_args", { ignore, ignore_len: of.ignore.length });
  }
  succeed(title, call.segloss_run(terms(entry.terms, of.shape), entry.terms.length, args), error);
  close(title, library.doubles(value, 1), [entry.value]);
  close(title, library.doubles(gradient, of.pred.length), entry.grad);
}

function transform(title, { shape, spacing, mask, signed }) {
  library.reset();
  const args = library.take(structs.segloss_distance_args.size);
  const error = library.take(structs.segloss_error.size);
  const out = library.take(8 * signed.length);
  library.set(args, "segloss_distance_args", {
    struct_size: structs.segloss_distance_args.size,
    kind: library.constants.SEGLOSS_SIGNED,
    mask: library.tensor(Uint8Array.from(mask, Number), "SEGLOSS_U8", shape),
    spacing: library.put(Float64Array.from(spacing)),
    out: { data: out, dtype: library.constants.SEGLOSS_F64 },
    error,
    scratch: library.take(SCRATCH),
    scratch_size: SCRATCH,
  });
  succeed(title, call.segloss_distance(args), error);
  close(title, library.doubles(out, signed.length), signed);
}

const { cases, entries } = read("golden");
for (const entry of entries) run(`${entry.case} ${entry.name}`, cases[entry.case], entry);
const distances = read("distance").entries;
distances.forEach((entry, index) => transform(`distances ${index}`, entry));
console.log(`${entries.length} losses and gradients, ${distances.length} distance transforms`);
