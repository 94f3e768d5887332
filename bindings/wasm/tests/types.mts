// What the types accept, and what they refuse.
import { SeglossError, classWeights, distance, distanceField, init, value, valueAndGradient } from "segloss";
import type { Term } from "segloss";

const loaded: { simd: boolean; version: string } = await init({ simd: true });
const shape = [1, 2, 4, 4];
const [pred, target] = [new Float32Array(32), new Uint8Array(16)];
const terms: Term[] = [{ loss: "dice", squares: "squared", class_average: "pooled" }, { loss: "focal", gamma: 3, weight: 0.5 }];
const result = valueAndGradient({ terms, pred, shape, target, ignore: 255, grad_scale: 2 });
const gradient: Float32Array = result.gradient;
const number: number = value({ terms: "combo", pred, shape, target: { data: target, strides: [16, 4, 1] } }) + result.term_values[0]!;
const half: Uint16Array = valueAndGradient({
  terms: { loss: "boundary", field: distanceField({ term: { loss: "boundary" }, shape, target }) },
  pred: { data: new Uint16Array(32), dtype: "bf16" }, shape, target,
}).gradient;
const precise: Float64Array = distance({ mask: target, shape: [4, 4], dtype: "f64" });
const weights: Float64Array = classWeights({ shape, target, kind: "median" });
try {
  // @ts-expect-error: not a loss
  value({ terms: { loss: "dices" }, pred, shape, target });
  // @ts-expect-error: an option of another loss
  value({ terms: { loss: "dice", gamma: 2 }, pred, shape, target });
  // @ts-expect-error: not a number
  value({ terms: { loss: "tversky", alpha: "0.5" }, pred, shape, target });
  // @ts-expect-error: the prediction is missing
  value({ terms: "combo", shape, target });
  // @ts-expect-error: predictions of f64 are not in the module
  value({ terms: "combo", pred: new Float64Array(32), shape, target });
} catch (error) {
  if (error instanceof SeglossError) console.log(error.argument, error.message);
}
console.log(loaded, gradient, number, half, precise, weights);
