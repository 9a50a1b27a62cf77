// The hashes of the tree (RFC 6962, section 2.1).

import { concat, fromHex } from "./bytes.js";
import { sha256 as withoutWebCrypto } from "./sha2.js";

export const EMPTY_ROOT = fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
export const NO_LEAF = new Uint8Array(32); // `prev` of the first entry, which has no leaf before it

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export async function sha256(message) {
  const subtle = globalThis.crypto.subtle;
  return subtle ? new Uint8Array(await subtle.digest("SHA-256", message)) : withoutWebCrypto(message);
}

export const leafHash = (entry) => sha256(concat(LEAF, entry));

export const nodeHash = (left, right) => sha256(concat(NODE, left, right));

/** The hashes one level up, of an even number of neighbours of which the first is a left child; all at once. */
export function rowAbove(row) {
  const parents = [];
  for (let place = 0; place < row.length; place += 2) {
    parents.push(nodeHash(row[place], row[place + 1]));
  }
  return Promise.all(parents);
}
