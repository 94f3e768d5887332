// The golden values and gradients of PyTorch, and SciPy's distances, against the wasm module.
//
//     node tests/embedded/golden.mjs segloss.wasm

import { readFileSync } from "node:fs";
import { constants, structs } from "../../bindings/wasm/layout.mjs";
import { errorAt } from "../../bindings/wasm/src/errors.js";
import { Memory } from "../../bindings/wasm/src/memory.js";

const root = new URL("../../", import.meta.url).pathname;
const read = (name) => JSON.parse(readFileSync(`${root}tests/golden/${name}.json`));
const header = readFileSync(`${root}include/segloss.h`, "utf8");
const [STRUCTS, C] = [structs(header), constants(header)];
// The module imports nothing, neither an allocator nor a clock.
const call = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(process.argv[2])), {}).exports;
const memory = new Memory(call, STRUCTS);
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
  if (status === 0) return;
  const text = (code) => memory.string(call.segloss_status_string(code));
  throw new Error(`${title}: ${error ? errorAt(memory, error, text, C).message : text(status)}`);
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

function withDomains(form, numbers) {
  const coded = Object.entries(OPTIONS).filter(([field]) => numbers[field]).map(([field, name]) => {
    const constant = C[`SEGLOSS_${typeof name === "string" ? name : name[form]}`];
    return [field, numbers[field] | (constant & ~0xffff)];
  });
  return { ...numbers, ...Object.fromEntries(coded) };
}

function terms(list, [samples, classes, ...space]) {
  const size = memory.size("segloss_term");
  const at = memory.take(size * list.length);
  list.forEach(({ form, class_weight: weights, field, ...numbers }, k) => {
    const term = at + size * k;
    succeed(form, call.segloss_term_init(call[`segloss_${form}`](), term, size));
    memory.set(term, "segloss_term", withDomains(form, numbers));
    if (weights) memory.set(term, "segloss_term", { class_weight: memory.putNumbers(weights) });
    if (field) {
      const voxels = space.reduce((product, extent) => product * extent, samples);
      const shape = field.length === voxels ? [samples, ...space] : [samples, classes, ...space];
      memory.set(term, "segloss_term", { field: memory.tensor(Float64Array.from(field), C.SEGLOSS_F64, shape) });
    }
  });
  return at;
}

function run(title, of, entry) {
  memory.reset();
  const [samples, , ...space] = of.shape;
  const size = memory.size("segloss_args");
  const args = memory.take(size);
  const [value, error] = [memory.take(8), memory.struct("segloss_error")];
  const gradient = memory.take(8 * of.pred.length);
  succeed(title, call.segloss_args_init(args, size));
  memory.set(args, "segloss_args", {
    activation: of.activation,
    pred: memory.tensor(Float64Array.from(of.pred), C.SEGLOSS_F64, of.shape),
    target: of.labels
      ? memory.tensor(BigInt64Array.from(of.labels, BigInt), C.SEGLOSS_I64, [samples, ...space])
      : memory.tensor(Float64Array.from(of.maps), C.SEGLOSS_F64, of.shape),
    value,
    grad: { data: gradient },
    error,
    scratch: memory.take(SCRATCH),
    scratch_size: SCRATCH,
  });
  if (of.voxel_weight) {
    const weight = memory.tensor(Float64Array.from(of.voxel_weight), C.SEGLOSS_F64, [samples, ...space]);
    memory.set(args, "segloss_args", { voxel_weight: weight });
  }
  if (of.class_present) memory.set(args, "segloss_args", { class_present: memory.put(Uint8Array.from(of.class_present)) });
  if (of.spacing) memory.set(args, "segloss_args", { spacing: memory.putNumbers(of.spacing) });
  if (of.ignore) {
    const ignore = memory.put(BigInt64Array.from(of.ignore, BigInt));
    memory.set(args, "segloss_args", { ignore, ignore_len: of.ignore.length });
  }
  succeed(title, call.segloss_run(terms(entry.terms, of.shape), entry.terms.length, args), error);
  close(title, memory.view(value, Float64Array, 1), [entry.value]);
  close(title, memory.view(gradient, Float64Array, of.pred.length), entry.grad);
}

function transform(title, { shape, spacing, mask, signed }) {
  memory.reset();
  const error = memory.struct("segloss_error");
  const out = memory.take(8 * signed.length);
  const args = memory.struct("segloss_distance_args", {
    struct_size: memory.size("segloss_distance_args"),
    kind: C.SEGLOSS_SIGNED,
    mask: memory.tensor(Uint8Array.from(mask, Number), C.SEGLOSS_U8, shape),
    spacing: memory.putNumbers(spacing),
    out: { data: out, dtype: C.SEGLOSS_F64 },
    error,
    scratch: memory.take(SCRATCH),
    scratch_size: SCRATCH,
  });
  succeed(title, call.segloss_distance(args), error);
  close(title, memory.view(out, Float64Array, signed.length), signed);
}

const { cases, entries } = read("golden");
for (const entry of entries) run(`${entry.case} ${entry.name}`, cases[entry.case], entry);
const distances = read("distance").entries;
distances.forEach((entry, index) => transform(`distances ${index}`, entry));
console.log(`${entries.length} losses and gradients, ${distances.length} distance transforms`);
