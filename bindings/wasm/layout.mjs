// The structs and constants of the C header, as JavaScript objects.
//
//     node layout.mjs segloss.h > abi.js

import { readFileSync } from "node:fs";

// Sizes on wasm32. Types that are neither here nor structs are pointers, as the types of callbacks.
const SIZES = { uint32_t: 4, int32_t: 4, size_t: 4, segloss_status: 4, uint64_t: 8, int64_t: 8, double: 8 };

// name → { size, fields: name → { type, at } }; no struct has padding.
export function structs(header) {
  const found = {};
  for (const [, body, name] of header.replace(/\/\/.*/g, "").matchAll(/typedef struct \w+ \{([^}]*)\} (\w+);/g)) {
    const fields = {};
    let size = 0;
    for (const declaration of body.split(";").map((line) => line.trim()).filter(Boolean)) {
      const callback = declaration.match(/\(\*(\w+)\)/);
      const [, type, star, plain, count] = declaration.match(/(\w+)\s+(\**)(\w+)(?:\[(\d+)\])?$/) ?? [];
      const kind = callback || star ? "pointer" : type;
      fields[callback?.[1] ?? plain] = { type: kind, at: size };
      size += ((found[kind]?.size ?? SIZES[kind]) || 4) * Number(count ?? 1);
    }
    found[name] = { size, fields };
  }
  return found;
}

export function constants(header) {
  return Object.fromEntries([...header.matchAll(/^#define (SEGLOSS_\w+) (\d+)$/gm)].map(([, name, value]) => [name, +value]));
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const header = readFileSync(process.argv[2], "utf8");
  const json = (value) => JSON.stringify(value, null, 1);
  console.log("// Generated from segloss.h by layout.mjs: structs and constants.");
  console.log(`export const STRUCTS = ${json(structs(header))};\nexport const CONSTANTS = ${json(constants(header))};`);
}
