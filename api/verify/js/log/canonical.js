// JSON with one spelling for each value: RFC 8785 without fractions. JavaScript already writes strings and integers so,
// and sorts by UTF-16 units as it asks.

import { FormatError } from "./fault.js";

const DEEPEST = 64;
const LONE_SURROGATE = /\p{Surrogate}/u;

export function canonicalJson(value, depth = 1) {
  if (depth > DEEPEST && typeof value === "object" && value !== null) {
    throw new FormatError("json_too_deep", "JSON", `nested deeper than ${DEEPEST}`);
  }
  if (Array.isArray(value)) {
    return `[${value.map((each) => canonicalJson(each, depth + 1)).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const member = (key) => `${canonicalJson(key)}:${canonicalJson(value[key], depth + 1)}`;
    return `{${Object.keys(value).sort().map(member).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new FormatError("json_unrepresentable", "JSON", "a fraction, or an integer that readers see differently");
  }
  if (typeof value === "string" && LONE_SURROGATE.test(value)) {
    throw new FormatError("json_unrepresentable", "JSON", "half a character");
  }
  return JSON.stringify(value);
}

/** The value, if `text` is the one spelling of it. */
export function parseCanonicalJson(text) {
  const value = parseJson(text);
  if (canonicalJson(value) !== text) {
    throw new FormatError("json_not_canonical", "JSON", "not the canonical spelling (RFC 8785)");
  }
  return value;
}

/** `text` is null where the bytes were none. */
export function parseJson(text) {
  try {
    if (text !== null) {
      return JSON.parse(text);
    }
  } catch {
    // said below
  }
  throw new FormatError("json_unrepresentable", "JSON", "not JSON");
}
