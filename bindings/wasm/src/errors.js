// The error that every function throws: the sentence of the library, and its parts.

export class SeglossError extends Error {
  constructor(message, details = {}) {
    super(message);
    this.name = "SeglossError";
    const { argument = "", term, index, given, needed, expected = "" } = details;
    Object.assign(this, { argument, term, index, given, needed, expected });
  }
}

// An error that the call finds before the library sees it.
export function refuse(argument, expected, given) {
  const of = given === undefined ? "" : `: ${String(given)}`;
  return new SeglossError(`invalid ${argument}${of} (expected ${expected})`, { argument, expected, given });
}

// The same sentence as that of the Rust crate, from the segloss_error at an address.
export function errorAt(memory, at, statusText, constants) {
  const number = (field) => memory.get(at, "segloss_error", field);
  const has = number("numbers");
  const details = {
    argument: memory.text(at, "segloss_error", "argument"),
    expected: memory.text(at, "segloss_error", "expected"),
    term: number("term") === 0xffffffff ? undefined : number("term"),
    index: number("index") < 0 ? undefined : number("index"),
    given: has & constants.SEGLOSS_ERROR_HAS_GIVEN ? number("given") : undefined,
    needed: has & constants.SEGLOSS_ERROR_HAS_NEEDED ? number("needed") : undefined,
  };
  const { term, argument, index, given, needed, expected } = details;
  const isParameter = number("status") === constants.SEGLOSS_PARAMETER;
  let message = term === undefined ? "" : `term ${term}: `;
  message += `invalid ${argument}`;
  if (index !== undefined) message += ` at index ${index}`;
  if (!isParameter) message += `: ${statusText(number("status"))}`;
  if (given !== undefined) message += `: ${given}`;
  message += ` (expected ${needed === undefined ? "" : `${needed}, `}${expected})`;
  return new SeglossError(message, details);
}
