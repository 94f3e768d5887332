// What the functions accept, return and refuse.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { SeglossError, classWeights, distance, distanceField, init, value, valueAndGradient } from "../src/index.js";

test("before init: an error that says so", () => {
  assert.throws(() => value({}), { name: "SeglossError", message: "segloss is not loaded: await init() first" });
});

// The bytes of the module that init loads, and its instance.
async function loadedBy(options) {
  const { instantiate } = WebAssembly;
  const found = {};
  WebAssembly.instantiate = async (bytes, imports) => {
    const made = await instantiate(bytes, imports);
    Object.assign(found, { bytes, exports: made.instance.exports });
    return made;
  };
  try {
    return { ...(await init(options)), ...found };
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}
const module = (name) => readFileSync(new URL(`../dist/segloss_${name}.wasm`, import.meta.url));

test("an engine without simd128 gets the other module", async () => {
  const { validate } = WebAssembly;
  WebAssembly.validate = () => false;
  try {
    const { simd, bytes } = await loadedBy();
    assert.equal(simd, false);
    assert.ok(module("scalar").equals(bytes));
  } finally {
    WebAssembly.validate = validate;
  }
  const { simd, version, bytes } = await loadedBy();
  assert.deepEqual({ simd, version }, { simd: true, version: "0.1.0" });
  assert.ok(module("simd").equals(bytes));
});

const shape = [1, 2, 2, 3];
const pred = Float32Array.of(0.5, 2, -1, 0, 1, 0.25, 1.5, -2, 0, 0.5, -0.5, 3);
const target = Uint8Array.of(1, 0, 1, 1, 0, 0);
const batch = { shape, pred, target, terms: { loss: "cross_entropy" } };

test("cross entropy is that of the definition", () => {
  const { value: found, gradient, term_values } = valueAndGradient(batch);
  const nats = [...target].map((label, at) => Math.log1p(Math.exp(pred[6 * (1 - label) + at] - pred[6 * label + at])));
  const mean = nats.reduce((sum, x) => sum + x, 0) / 6;
  assert.ok(Math.abs(found - mean) < 1e-7, `${found}, not ${mean}`);
  assert.equal(found, value(batch));
  assert.deepEqual([...term_values], [found]);
  assert.ok(gradient instanceof Float32Array && gradient.length === 12);
  for (let at = 0; at < 6; at++) assert.ok(Math.abs(gradient[at] + gradient[6 + at]) < 1e-8);
});

test("labels of any integers, masks and maps are the same target", () => {
  const { value: expected } = valueAndGradient({ ...batch, terms: { loss: "dice" } });
  const masks = [...target].map((x) => 1 - x).concat([...target]);
  const targets = [
    Uint8ClampedArray, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array,
  ].flatMap((Type) => [Type.from(target), Type.from(masks)]);
  targets.push(BigInt64Array.from(target, BigInt), BigUint64Array.from(target, BigInt), Float32Array.from(masks), Float64Array.from(masks));
  for (const other of targets) {
    const found = value({ ...batch, target: other, terms: { loss: "dice" } });
    assert.ok(Math.abs(found - expected) < 1e-12, other.constructor.name);
  }
});

test("ignore, weights, annotated classes, spacing, the factor of the gradient", () => {
  const first = valueAndGradient({ ...batch, ignore: 1 });
  const second = valueAndGradient({ ...batch, voxel_weight: Float32Array.from(target, (x) => 1 - x) });
  assert.equal(first.value, second.value);
  assert.deepEqual(first.gradient, second.gradient);
  assert.ok(first.gradient.every((x, at) => (x === 0) === (target[at % 6] === 1)));
  const scaled = valueAndGradient({ ...batch, grad_scale: 4 });
  scaled.gradient.forEach((x, at) => assert.ok(Math.abs(x - 4 * valueAndGradient(batch).gradient[at]) < 1e-7));
  const boundary = (spacing) => value({ ...batch, spacing, terms: { loss: "boundary" } });
  assert.ok(Math.abs(boundary([2, 2]) - 2 * boundary([1, 1])) < 1e-7);
  const sigmoid = { ...batch, activation: "sigmoid", terms: { loss: "dice" }, target: Uint8Array.of(0, 1, 0, 0, 1, 1, ...target) };
  const partly = valueAndGradient({ ...sigmoid, class_present: [false, true], class_values: true });
  assert.ok(partly.gradient.subarray(0, 6).every((x) => x === 0) && partly.gradient.subarray(6).some((x) => x !== 0));
  assert.equal(partly.class_values.length, 2);
  assert.ok(Math.abs(partly.class_values[1] - partly.value) < 1e-12);
});

test("half precision: the bits of a Uint16Array, and a gradient of the same type", () => {
  // 1, -2, 0.5, 0 as binary16 and as bfloat16.
  const bits = { f16: [0x3c00, 0xc000, 0x3800, 0], bf16: [0x3f80, 0xc000, 0x3f00, 0] };
  const small = { shape: [1, 2, 2], target: Uint8Array.of(0, 1), terms: { loss: "focal" } };
  const expected = value({ ...small, pred: Float32Array.of(1, -2, 0.5, 0) });
  for (const [dtype, numbers] of Object.entries(bits)) {
    const { value: found, gradient } = valueAndGradient({ ...small, pred: { data: Uint16Array.from(numbers), dtype } });
    assert.equal(found, expected);
    assert.ok(gradient instanceof Uint16Array && gradient.some((x) => x !== 0));
  }
});

test("strides: classes last, as in ImageData and TensorFlow.js", () => {
  const last = new Float32Array(12);
  pred.forEach((x, at) => { last[2 * (at % 6) + Math.floor(at / 6)] = x; });
  const expected = valueAndGradient(batch);
  const found = valueAndGradient({ ...batch, pred: { data: last, strides: [12, 1, 6, 2] } });
  assert.equal(found.value, expected.value);
  found.gradient.forEach((x, at) => assert.equal(x, expected.gradient[6 * (at % 2) + Math.floor(at / 2)]));
});

test("a field that is computed once gives the same bits", () => {
  for (const loss of ["boundary", "distance_penalized"]) {
    const field = distanceField({ shape, target, term: { loss } });
    assert.equal(field.length, loss === "boundary" ? 12 : 6);
    const [first, second] = [valueAndGradient({ ...batch, terms: { loss } }), valueAndGradient({ ...batch, terms: { loss, field } })];
    assert.equal(first.value, second.value);
    assert.deepEqual(first.gradient, second.gradient);
    const changed = field.map((x) => 2 * x + 1);
    assert.notEqual(value({ ...batch, terms: { loss, field: changed } }), first.value);
  }
});

test("distances, of a mask and of a label map", () => {
  const mask = Uint8Array.of(0, 1, 1, 1, 0, 0);
  assert.deepEqual([...distance({ mask, shape: [2, 3] })], [1, -1, -1, -1, 1, 1]);
  assert.deepEqual([...distance({ mask: Uint8Array.of(1, 0, 0, 0), shape: [4], kind: "outside", squared: true, spacing: [0.5] })], [0, 0.25, 1, 2.25]);
  const both = distance({ mask, shape: [2, 3], classes: 2, dtype: "f64" });
  assert.ok(both instanceof Float64Array);
  assert.deepEqual([...both], [-1, 1, 1, 1, -1, -1, 1, -1, -1, -1, 1, 1]);
});

test("class weights", () => {
  const labels = Uint8Array.of(1, 0, 0, 0, 0, 0);
  const found = classWeights({ shape, target: labels });
  assert.ok(Math.abs(found[0] - 6 / 5) < 1e-12 && Math.abs(found[1] - 6) < 1e-12);
  assert.ok(Math.abs(classWeights({ shape, target: labels, kind: "inverse_sqrt" })[1] - Math.sqrt(6)) < 1e-12);
});

test("the memory grows as needed and is used again", async () => {
  const { exports } = await loadedBy();
  const expected = valueAndGradient(batch);
  const [rows, columns] = [600, 700];
  const large = {
    shape: [1, 3, rows, columns], pred: new Float32Array(3 * rows * columns).fill(1), target: new Uint8Array(rows * columns),
    terms: "dice_hausdorff",
  };
  assert.ok(value(large) > 0);
  const bytes = exports.memory.buffer.byteLength;
  assert.ok(value(large) > 0);
  assert.equal(exports.memory.buffer.byteLength, bytes);
  assert.deepEqual(valueAndGradient(batch), expected);
});

// What is refused, and the sentence.
const WRONG = [
  [{ terms: [{ loss: "dice" }, { loss: "tversky", alpha: -0.5 }] }, "term 1: invalid alpha: -0.5 (expected finite and >= 0)"],
  [{ target: Uint8Array.of(0, 1, 7, 0, 0, 0) }, "invalid target at index 2: label is neither a class nor ignored: 7 (expected a class or an ignored label)"],
  [{ pred: new Float32Array(11) }, "invalid pred: 11 (expected 12 numbers)"],
  [{ pred: [1, 2] }, "invalid pred: Array (expected a typed array, or { data, dtype, strides })"],
  [{ target: new Uint8Array(5) }, "invalid target: 5 (expected 6 numbers or 12 numbers)"],
  [{ terms: { loss: "dices" } }, /^invalid terms\[0\]\.loss: dices \(expected one of cross_entropy, /],
  [{ terms: { loss: "dice", gamma: 2 } }, /^invalid terms\[0\]\.gamma \(expected an option of dice: weight, /],
  [{ terms: { loss: "dice", squares: "cubed" } }, "invalid terms[0].squares: cubed (expected linear or squared)"],
  [{ terms: "dice" }, /^invalid terms: dice \(expected terms, or one of dice_cross_entropy, /],
  [{ terms: [] }, /expected 1 to 4/],
  [{ activation: "relu" }, "invalid activation: relu (expected softmax, sigmoid, probability, probability_per_class)"],
  [{ weights: new Float32Array(6) }, /^invalid weights \(expected one of /],
  [{ shape: [1, 2] }, /^invalid shape: 1,2 \(expected \[B, C, ...\]/],
  [{ pred: { data: pred, strides: [12, 6, 3, 2] } }, "invalid pred.strides: 13 (expected the last element below 12)"],
  [{ pred: { data: pred, strides: [12, 6, -3, 1] } }, /^invalid pred.strides: .* \(expected integers >= 0\)/],
  [{ pred: { data: pred, dtype: "f16" } }, "invalid pred.dtype: f16 (expected f32)"],
  [{ voxel_weight: new Float32Array(6).fill(-1) }, /^invalid voxel_weight at index 0/],
  [{ spacing: [1], terms: { loss: "boundary" } }, "invalid spacing: 1 (expected 2 numbers)"],
  [{ pred: new Float64Array(12) }, "invalid pred: unsupported element type (expected f16, bf16 or f32: this build has no f64)"],
];

test("what is wrong is named", () => {
  for (const [change, message] of WRONG) {
    assert.throws(() => valueAndGradient({ ...batch, ...change }), (error) => {
      assert.ok(error instanceof SeglossError, `${error.stack}`);
      if (typeof message === "string") assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    });
  }
});
