// Bytes, and texts that have exactly one spelling: base64, decimals, hashes. Every other spelling is refused.

import { FormatError } from "./fault.js";

export const HASH_BYTES = 32;
export const LARGEST = Number.MAX_SAFE_INTEGER; // of sizes and positions; beyond it numbers here are no longer exact

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;

export const utf8 = (text) => ENCODER.encode(text);

/** The text of UTF-8 bytes; null when they are none. */
export function textOf(bytes) {
  try {
    return DECODER.decode(bytes);
  } catch {
    return null;
  }
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function equal(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** One character for each byte, for bytes that are, or are compared with, ASCII. */
export function latin1(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(start, start + 4096));
  }
  return text;
}

export const base64 = (bytes) => btoa(latin1(bytes));

/** RFC 4648 section 4 with padding, and with zeros in the unused bits of the last character. */
export function parseBase64(text, place) {
  let bytes = new Uint8Array();
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    // is not what it would be written as
  }
  if (base64(bytes) !== text) {
    throw new FormatError("malformed_base64", place, "not base64 in its one spelling, padding included");
  }
  return bytes;
}

/** No sign, blank or leading zero. */
export function parseDecimal(text, place, largest = LARGEST) {
  if (!DECIMAL.test(text) || Number(text) > largest) {
    throw new FormatError("malformed_number", place, `not a decimal from 0 to ${largest} without leading zeros`);
  }
  return Number(text);
}

export function parseHash(text, place) {
  const hash = parseBase64(text, place);
  checkHashes(place, hash);
  return hash;
}

/** First step of every check: a short "hash" would shift the bytes that are put together for a node. */
export function checkHashes(place, ...hashes) {
  for (const hash of hashes) {
    if (hash.length !== HASH_BYTES) {
      throw new FormatError("hash_length", place, `a hash has ${HASH_BYTES} bytes, not ${hash.length}`);
    }
  }
}

/** 32 bytes each. */
export function hashesIn(bytes) {
  const hashes = [];
  for (let start = 0; start < bytes.length; start += HASH_BYTES) {
    hashes.push(bytes.subarray(start, start + HASH_BYTES));
  }
  return hashes;
}

export function uint64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}
