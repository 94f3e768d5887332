// The arguments of a loss: a JavaScript object as segloss_args.

import { CONSTANTS } from "../dist/abi.js";
import { checkShape, described, isFloat, tensor } from "./arrays.js";
import { refuse } from "./errors.js";

const ACTIVATIONS = ["softmax", "sigmoid", "probability", "probability_per_class"];
const OPTIONS = ["activation", "pred", "shape", "target", "voxel_weight", "class_present", "ignore", "spacing"];

// Writes segloss_args with the inputs; returns its address, that of its error, and the shape [B, C, ...]. `others` are
// the options of the function that is called.
export function putBatch(library, batch, others) {
  const { memory } = library;
  const known = [...OPTIONS, ...others];
  for (const name of Object.keys(batch)) if (!known.includes(name)) throw refuse(name, `one of ${known.join(", ")}`);
  const shape = checkShape(batch.shape, "shape");
  if (shape.length < 3) throw refuse("shape", "[B, C, ...] with one spatial axis or more", shape);
  const activation = batch.activation ?? "softmax";
  if (!ACTIVATIONS.includes(activation)) throw refuse("activation", ACTIVATIONS.join(", "), activation);
  const error = memory.struct("segloss_error");
  const at = memory.take(memory.size("segloss_args"));
  library.check(library.call.segloss_args_init(at, memory.size("segloss_args")));
  const set = (values) => memory.set(at, "segloss_args", values);
  set({ error, activation: CONSTANTS[`SEGLOSS_${activation.toUpperCase()}`], ...inputs(memory, batch, shape) });
  if (batch.grad_scale !== undefined) set({ grad_scale: batch.grad_scale });
  return { at, error, shape };
}

function inputs(memory, batch, shape) {
  const [samples, classes, ...space] = shape;
  const flat = [samples, ...space];
  // The functions that take no prediction read only its shape: one number stands for all.
  const pred = batch.pred === undefined
    ? memory.tensor(new Float32Array(1), CONSTANTS.SEGLOSS_F32, shape, shape.map(() => 0))
    : tensor(memory, batch.pred, "pred", [shape]);
  const { dtype } = described(batch.target, "target");
  const found = { pred, target: tensor(memory, batch.target, "target", isFloat(dtype) ? [shape] : [flat, shape]) };
  if (batch.voxel_weight) found.voxel_weight = tensor(memory, batch.voxel_weight, "voxel_weight", [flat]);
  if (batch.class_present) {
    if (batch.class_present.length !== samples * classes) {
      throw refuse("class_present", `${samples * classes} flags`, batch.class_present.length);
    }
    found.class_present = memory.put(Uint8Array.from(batch.class_present, Number));
  }
  if (batch.ignore !== undefined) {
    const labels = [batch.ignore].flat();
    found.ignore = memory.put(BigInt64Array.from(labels, BigInt));
    found.ignore_len = labels.length;
  }
  if (batch.spacing) {
    if (batch.spacing.length !== space.length) throw refuse("spacing", `${space.length} numbers`, batch.spacing.length);
    found.spacing = memory.putNumbers(batch.spacing);
  }
  return found;
}

// Gives the args at an address the scratch that a size query asks for.
export function putScratch(library, struct, at, error, query) {
  const { memory } = library;
  const bytes = memory.take(4);
  library.check(query(bytes), error);
  const [size] = memory.view(bytes, Uint32Array, 1);
  memory.set(at, struct, { scratch: memory.take(size), scratch_size: size });
}
