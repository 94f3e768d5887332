// Every loss and compound loss, with softmax and sigmoid, and options: the bits of the native library.

import assert from "node:assert/strict";
import test from "node:test";
import { CONSTANTS as C } from "../dist/abi.js";
import { LOSSES, PRESETS, init, valueAndGradient } from "../src/index.js";
import { firstDifference, native, slice } from "./native.mjs";

const { rows, columns, image, labels } = slice();
const shape = [1, 4, rows, columns];
// Logits that follow the scan and differ in all classes.
const pred = Float32Array.from({ length: 4 * rows * columns }, (_, at) => {
  const [c, voxel] = [Math.floor(at / (rows * columns)), at % (rows * columns)];
  return Math.fround(3 * Math.sin(c + image[voxel] / 40) + ((at * 7919) % 101) / 50 - 1);
});

// The options of JavaScript beside the fields of C.
const OPTIONS = [
  [{ loss: "dice", squares: "squared", smooth_numerator: 1, smooth_denominator: 2 }, `dice variant ${C.SEGLOSS_DICE_SQUARED} smooth_numerator 1 smooth_denominator 2`],
  [{ loss: "dice", class_average: "pooled", sample_average: "pooled", minus_one: true }, `dice class_average ${C.SEGLOSS_CLASS_POOLED} sample_average ${C.SEGLOSS_SAMPLE_POOLED} flags ${C.SEGLOSS_MINUS_ONE}`],
  [{ loss: "iou", absent: "skipped", exclude_background: true, minus_one: true }, `iou absent ${C.SEGLOSS_ABSENT_SKIPPED} flags ${C.SEGLOSS_EXCLUDE_BACKGROUND | C.SEGLOSS_MINUS_ONE}`],
  [{ loss: "tversky", alpha: 0.25, beta: 0.6, weight: -2 }, "tversky alpha 0.25 beta 0.6 weight -2"],
  [{ loss: "focal_tversky", gamma: 0.7 }, "focal_tversky gamma 0.7"],
  [{ loss: "generalized_dice", volume: "uniform" }, `generalized_dice variant ${C.SEGLOSS_GDICE_UNIFORM}`],
  [{ loss: "penalty", k: 1.5, volume: "inverse" }, `penalty k 1.5 variant ${C.SEGLOSS_GDICE_INVERSE}`],
  [{ loss: "top_k", k: 0.3, selection: "threshold" }, `top_k k 0.3 variant ${C.SEGLOSS_TOPK_THRESHOLD}`],
  [{ loss: "cross_entropy", label_smoothing: 0.1, normalizer: "class_weight" }, `cross_entropy label_smoothing 0.1 normalizer ${C.SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT}`],
  [{ loss: "boundary", rim_zero: true }, `boundary variant ${C.SEGLOSS_BOUNDARY_RIM_ZERO}`],
  [{ loss: "hausdorff", alpha: 1.5, sides: "target", argmax: true, logarithmic: true }, `hausdorff alpha 1.5 variant ${C.SEGLOSS_HAUSDORFF_TARGET_ONLY | C.SEGLOSS_HAUSDORFF_ARGMAX | C.SEGLOSS_HAUSDORFF_LOG}`],
];
const losses = Object.keys(LOSSES);
const CASES = [
  ...losses.map((loss) => [{ loss }, loss]),
  ...Object.keys(PRESETS).map((preset) => [preset, `preset ${preset}`]),
  ...OPTIONS,
  [[{ loss: "dice" }, { loss: "cross_entropy", weight: 0.5 }, { loss: "boundary" }], "dice ; cross_entropy weight 0.5 ; boundary"],
];
const ACTIVATIONS = { softmax: C.SEGLOSS_SOFTMAX, sigmoid: C.SEGLOSS_SIGMOID };

for (const simd of [true, false]) {
  for (const [activation, number] of Object.entries(ACTIVATIONS)) {
    test(`${CASES.length} losses, ${activation}, ${simd ? "simd128" : "scalar"}: the bits of the native library`, async () => {
      assert.equal((await init({ simd })).simd, simd);
      const expected = native(CASES.map(([, terms]) => ({ activation: number, shape, pred, labels, terms: `; ${terms}` })));
      CASES.forEach(([terms, text], index) => {
        const { value, gradient } = valueAndGradient({ terms, activation, shape, pred, target: labels });
        assert.ok(Object.is(value, expected[index].value), `${text}: ${value}, not ${expected[index].value}`);
        assert.equal(firstDifference(gradient, expected[index].gradient), -1, text);
        assert.ok(gradient.some((x) => x !== 0), `${text}: the gradient is 0`);
      });
    });
  }
}
