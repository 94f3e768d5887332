// The slice of the scan that the page shows: rows and columns as two u16, then image and labels of one byte a voxel.
//
//     node slice.mjs slice.bin

import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const SLICE = 40;
const data = new URL("../../../examples/data/", import.meta.url);

// A NIfTI file of unsigned bytes, whose first axis is the fastest.
function slice(name) {
  const bytes = gunzipSync(readFileSync(new URL(name, data)));
  const [columns, rows, slices] = [42, 44, 46].map((at) => bytes.readUInt16LE(at));
  const [start, type] = [bytes.readFloatLE(108), bytes.readUInt16LE(70)];
  if (type !== 2 || bytes.length !== start + columns * rows * slices) throw new Error(`${name}: not a volume of unsigned bytes`);
  return { rows, columns, voxels: bytes.subarray(start + SLICE * rows * columns, start + (SLICE + 1) * rows * columns) };
}

const image = slice("mni152_t1_2mm.nii.gz");
const labels = slice("mni152_tissue_2mm.nii.gz");
writeFileSync(process.argv[2], Buffer.concat([Buffer.from(Uint16Array.of(image.rows, image.columns).buffer), image.voxels, labels.voxels]));
