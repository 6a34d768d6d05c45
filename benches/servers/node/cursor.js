// The place in the sequence that a subscriber names.

/** A request that breaks the contract; Express answers with `status`. */
export class BadRequest extends Error {
  status = 400;
}

/** Parses a whole number from a query or header; undefined when it is absent. */
export function wholeNumber(name, text) {
  if (text === undefined) return undefined;
  // A parameter given twice is an array, which this refuses too.
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(number)) {
    throw new BadRequest(`${name} must be a whole number, not ${JSON.stringify(text)}`);
  }
  return number;
}
