// The native program beside the package: the same calls, and whether their bits are the same.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const PROGRAM = new URL("../../../target/wasm/native/segloss_native", import.meta.url).pathname;

// Value and gradient of calls { activation, shape, pred, labels, terms }; terms in the words of native.c.
export function native(calls) {
  const input = calls.flatMap(({ activation, shape, pred, labels, terms }) => [
    Buffer.from(`${activation} ${shape.join(" ")} ${terms}\n`), Buffer.from(pred.buffer, pred.byteOffset, pred.byteLength), Buffer.from(labels),
  ]);
  const { status, stdout, stderr } = spawnSync(PROGRAM, { input: Buffer.concat(input), maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(stderr.toString());
  let at = 0;
  const found = calls.map(({ pred }) => {
    const value = stdout.readDoubleLE(at);
    const gradient = new Float32Array(stdout.buffer.slice(stdout.byteOffset + at + 8, stdout.byteOffset + at + 8 + pred.byteLength));
    at += 8 + pred.byteLength;
    return { value, gradient };
  });
  if (at !== stdout.length) throw new Error("the output of the native program has another length");
  return found;
}

// Where two arrays first differ in a bit, or -1; 0 and -0 differ.
export function firstDifference(a, b) {
  if (a.byteLength !== b.byteLength) return 0;
  const bits = (array) => new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4);
  const [left, right] = [bits(a), bits(b)];
  return left.findIndex((x, index) => x !== right[index]);
}

// The slice of the scan that the page shows.
export function slice() {
  const bytes = readFileSync(new URL("../dist/slice.bin", import.meta.url));
  const [rows, columns] = [bytes.readUInt16LE(0), bytes.readUInt16LE(2)];
  return { rows, columns, image: bytes.subarray(4, 4 + rows * columns), labels: Uint8Array.from(bytes.subarray(4 + rows * columns)) };
}
