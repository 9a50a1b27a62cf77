// Signatures (RFC 8032): by the browser's WebCrypto; where a page has none, or none with Ed25519, by arithmetic here.

import { concat, equal, hex } from "./bytes.js";
import { FormatError } from "./fault.js";
import { sha512 } from "./sha2.js";

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * inverse(121666n));
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);

// The y of all points of small order, under which one signature is good for many messages.
const ORDER_EIGHT = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_ORDER = [0n, 1n, P - 1n, ORDER_EIGHT, P - ORDER_EIGHT];

const imported = new Map();

/** The one encoding of a point of the curve that is not of small order: libraries disagree about all others. */
export function checkPublicKey(key, place) {
  if (key.length !== 32) {
    throw new FormatError("key_malformed", place, `an Ed25519 key has 32 bytes, not ${key.length}`);
  }
  const y = littleEndian(key) & (2n ** 255n - 1n);
  if (y >= P) {
    throw new FormatError("key_weak", place, "the encoding of the point is not canonical");
  }
  if (SMALL_ORDER.includes(y)) {
    throw new FormatError("key_weak", place, "a point of small order");
  }
  if (decodePoint(key) === null) {
    throw new FormatError("key_weak", place, "not a point of the curve");
  }
}

/** `key` has been through checkPublicKey. */
export async function isSignature(key, signature, message) {
  const known = await inWebCrypto(key);
  return known ? crypto.subtle.verify("Ed25519", known, signature, message) : verify(key, signature, message);
}

async function inWebCrypto(key) {
  if (!globalThis.crypto.subtle) {
    return null;
  }
  const name = hex(key);
  if (!imported.has(name)) {
    try {
      imported.set(name, await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]));
    } catch {
      imported.set(name, null); // WebCrypto without Ed25519
    }
  }
  return imported.get(name);
}

/** Whether [S]B = R + [h]A, which is asked as [S]B + [h](-A) = R. */
export function verify(key, signature, message) {
  if (signature.length !== 64) {
    return false;
  }
  const r = signature.subarray(0, 32), s = littleEndian(signature.subarray(32));
  const point = decodePoint(key);
  if (s >= ORDER || point === null) {
    return false;
  }
  const h = littleEndian(sha512(concat(r, key, message))) % ORDER;
  const [x, y, z, t] = point;
  return equal(encodePoint(twoProducts(s, BASE, h, [mod(-x), y, z, mod(-t)])), r);
}

// Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

const ZERO = [0n, 1n, 1n, 0n];
const BASE = decodePoint(littleEndianBytes(mod(4n * inverse(5n))));

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2)), b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * t1 * t2 * D), d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

/** [one]first + [two]second, both in one walk over the bits. */
function twoProducts(one, first, two, second) {
  const both = add(first, second);
  let sum = ZERO;
  for (let bit = 255n; bit >= 0n; bit--) {
    sum = add(sum, sum);
    const choice = Number((one >> bit) & 1n) + 2 * Number((two >> bit) & 1n);
    if (choice) {
      sum = add(sum, [first, second, both][choice - 1]);
    }
  }
  return sum;
}

function decodePoint(bytes) {
  const number = littleEndian(bytes);
  const sign = number >> 255n, y = number & (2n ** 255n - 1n);
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) {
    x = mod(x * ROOT_OF_MINUS_ONE);
  }
  if (y >= P || mod(x * x) !== square || (x === 0n && sign === 1n)) {
    return null;
  }
  x = (x & 1n) === sign ? x : mod(-x);
  return [x, y, 1n, mod(x * y)];
}

function encodePoint([x, y, z]) {
  const shrink = inverse(z);
  const sign = mod(x * shrink) & 1n;
  return littleEndianBytes(mod(y * shrink) | (sign << 255n));
}

function littleEndian(bytes) {
  return BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);
}

function littleEndianBytes(number) {
  return Uint8Array.from({ length: 32 }, (_, place) => Number((number >> BigInt(8 * place)) & 255n));
}

function mod(number) {
  const rest = number % P;
  return rest < 0n ? rest + P : rest;
}

function power(base, exponent) {
  let result = 1n;
  for (let factor = mod(base); exponent; exponent >>= 1n, factor = mod(factor * factor)) {
    if (exponent & 1n) {
      result = mod(result * factor);
    }
  }
  return result;
}

function inverse(number) {
  return power(number, P - 2n);
}
