// Terms: JavaScript objects as segloss_term structs.

import { CONSTANTS } from "../dist/abi.js";
import { tensor } from "./arrays.js";
import { refuse } from "./errors.js";
import { LOSSES, PRESETS } from "./losses.js";

// Options of every term.
const COMMON = {
  weight: { kind: "number" },
  class_weight: { kind: "numbers" },
  exclude_background: { kind: "flag", field: "flags", constant: "SEGLOSS_EXCLUDE_BACKGROUND" },
  minus_one: { kind: "flag", field: "flags", constant: "SEGLOSS_MINUS_ONE" },
};

// Writes the terms of a call; returns their address and number.
export function putTerms(library, terms, shape) {
  if (typeof terms === "string") return putPreset(library, terms);
  const list = Array.isArray(terms) ? terms : [terms];
  const { memory, call } = library;
  const size = memory.size("segloss_term");
  const at = memory.take(size * list.length);
  list.forEach((term, index) => {
    const name = term?.loss;
    if (!Object.hasOwn(LOSSES, name)) throw refuse(`terms[${index}].loss`, `one of ${Object.keys(LOSSES).join(", ")}`, name);
    library.check(call.segloss_term_init(call[`segloss_${name}`](), at + size * index, size));
    memory.set(at + size * index, "segloss_term", fields(library, term, `terms[${index}]`, shape));
  });
  return [at, list.length];
}

function putPreset(library, name) {
  if (!Object.hasOwn(PRESETS, name)) throw refuse("terms", `terms, or one of ${Object.keys(PRESETS).join(", ")}`, name);
  const { memory, call } = library;
  const size = memory.size("segloss_term");
  const at = memory.take(size * CONSTANTS.SEGLOSS_MAX_TERMS);
  const count = memory.take(4);
  library.check(call[`segloss_preset_${name}`](at, size, count));
  return [at, memory.view(count, Uint32Array, 1)[0]];
}

// The fields of segloss_term that the options of a term set.
function fields(library, { loss, ...options }, name, shape) {
  const known = { ...COMMON, ...LOSSES[loss].options };
  const found = {};
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(known, option)) throw refuse(`${name}.${option}`, `an option of ${loss}: ${Object.keys(known).join(", ")}`);
    const [field, written] = assignment(library, known[option], option, value, name, shape);
    // Flags and a choice are or-ed where they share a field.
    found[field] = typeof found[field] === "number" ? (found[field] | written) >>> 0 : written;
  }
  return found;
}

// The field that an option writes, and what.
function assignment(library, { kind, field, constant, constants }, option, value, name, shape) {
  const place = `${name}.${option}`;
  switch (kind) {
    case "number":
      if (typeof value !== "number") throw refuse(place, "a number", value);
      return [option, value];
    case "numbers":
      if (value.length !== shape[1]) throw refuse(place, `${shape[1]} numbers`, value.length);
      return [option, library.memory.putNumbers(value)];
    case "choice":
      if (!Object.hasOwn(constants, value)) throw refuse(place, Object.keys(constants).join(" or "), value);
      return [field, CONSTANTS[constants[value]] ?? 0];
    case "flag":
      if (typeof value !== "boolean") throw refuse(place, "true or false", value);
      return [field, value ? CONSTANTS[constant] : 0];
    default: {
      const [samples, , ...space] = shape;
      return ["field", tensor(library.memory, value, place, [shape, [samples, ...space]])];
    }
  }
}
