/** Losses for semantic segmentation and their exact gradients, over typed arrays. */

import type { Preset, Term } from "./losses.js";

export type * from "./losses.js";
export { LOSSES, PRESETS } from "./losses.js";

/** Numbers. `dtype` says what the bits of a Uint16Array are; `strides`, in elements, one per axis, are >= 0. */
export interface Tensor<A> {
  data: A;
  dtype?: "f16" | "bf16" | "f32" | "f64" | "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64";
  strides?: readonly number[];
}

/** Float16Array, where the engine has it, is accepted too. */
export type FloatArray = Float32Array | Float64Array | Tensor<Float32Array | Float64Array | Uint16Array>;

export type LabelArray =
  | Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array | BigUint64Array
  | Int8Array | Int16Array | Int32Array | BigInt64Array;

/** Options of every term. */
export interface TermOptions {
  /** Factor of the term in the weighted sum; default 1 */
  weight?: number;
  /** One weight per class, finite and >= 0; default 1 unless the loss says otherwise */
  class_weight?: ArrayLike<number> & Iterable<number>;
  /** Class 0 gets weight 0. */
  exclude_background?: boolean;
  /** The value is L - 1, as nnU-Net writes Dice; the gradient is the same. */
  minus_one?: boolean;
}

/** The data of a call. B samples, C classes, "..." one spatial axis or more; all arrays in C order. */
export interface Batch {
  /** [B, C, ...] */
  shape: readonly number[];
  /** What `pred` holds. Default "softmax": logits of exclusive classes. */
  activation?: "softmax" | "sigmoid" | "probability" | "probability_per_class";
  /** Integers: labels [B, ...] or 0/1 masks [B, C, ...]. Floating-point: maps [B, C, ...] in [0, 1]. */
  target: LabelArray | FloatArray | Tensor<LabelArray>;
  /** Weights [B, ...], finite and >= 0 */
  voxel_weight?: FloatArray | Uint8Array;
  /** B*C flags: whether the class is annotated in the sample */
  class_present?: ArrayLike<number | boolean> & Iterable<number | boolean>;
  /** Labels whose voxels are not counted */
  ignore?: number | readonly number[];
  /** Distance between neighbouring voxels along each spatial axis; default 1 */
  spacing?: ArrayLike<number> & Iterable<number>;
}

/** Prediction [B, C, ...] of f32, f16 or bf16. */
export type Prediction = Float32Array | Tensor<Float32Array> | (Tensor<Uint16Array> & { dtype: "f16" | "bf16" });

export interface LossBatch extends Batch {
  pred: Prediction;
  /** One to four terms, which are summed, or the name of a compound loss. */
  terms: Term | readonly Term[] | Preset;
  /** Also return `class_values`. */
  class_values?: boolean;
}

export interface Values {
  value: number;
  /** The value of each term before its weight */
  term_values: Float64Array;
  /** [terms, B, C]: the value of a region loss for each sample and class; NaN where a term has none */
  class_values?: Float64Array;
}

/** Why a call failed; `message` is the sentence of the library. */
export class SeglossError extends Error {
  readonly argument: string;
  readonly expected: string;
  readonly term?: number;
  readonly index?: number;
  readonly given?: unknown;
  readonly needed?: number;
}

/**
 * Loads the module, once, before any other function is called.
 *
 * simd: false takes the module without simd128; by default the engine is tested. module: the bytes, or the compiled
 * module, instead of the file of this package.
 */
export function init(options?: {
  simd?: boolean;
  module?: BufferSource | WebAssembly.Module;
}): Promise<{ simd: boolean; version: string }>;

/** The value of a loss. */
export function value(batch: LossBatch): number;

/** The value of a loss, and its gradient: an array of the length and type of `pred`. */
export function valueAndGradient<P extends Prediction>(
  batch: LossBatch & { pred: P; grad_scale?: number },
): Values & { gradient: P extends Tensor<infer A> ? A : P };

/** The distance weights that a call would compute from the target, for `field` of a term in many calls. */
export function distanceField(
  batch: Batch & { term: Term & { loss: "boundary" | "distance_penalized" | "hausdorff" } },
): Float32Array;

/** C class weights from the frequencies of the target. */
export function classWeights(batch: Batch & { kind?: "inverse" | "inverse_sqrt" | "median" }): Float64Array;

export interface DistanceOptions {
  /** Nonzero is inside; with `classes` a label map */
  mask: LabelArray | Tensor<LabelArray>;
  shape: readonly number[];
  spacing?: ArrayLike<number> & Iterable<number>;
  /** Default "signed": positive outside, negative inside */
  kind?: "signed" | "inside" | "outside" | "other_side";
  squared?: boolean;
  /** Voxels beyond the image count as outside. */
  black_border?: boolean;
  /** n: one map for each of the labels 0 to n - 1, [n, ...] */
  classes?: number;
}

/** The exact Euclidean distance transform. */
export function distance(options: DistanceOptions & { dtype: "f64" }): Float64Array;
export function distance(options: DistanceOptions & { dtype?: "f32" }): Float32Array;
