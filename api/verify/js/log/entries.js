// The entries of one group: out of their file, and what each says of its place and of the one before it.

import { base64, concat, equal, HASH_BYTES, latin1, textOf } from "./bytes.js";
import { Fault, FormatError } from "./fault.js";
import { leafHash } from "./hashing.js";
import { TILE_WIDTH } from "./names.js";
import { appendLeaves } from "./tree.js";

const sequence = (position) => `{"v":1,"seq":${position},"prev":"`;
const beginning = (position, leaf) => `${sequence(position)}${base64(leaf)}",`;
const startsWith = (entry, text) => latin1(entry.subarray(0, text.length)) === text;

/** Each entry follows its length in two bytes, big-endian. `leaves`: the recorded hashes, to tell where it broke. */
export async function readEntries(name, raw, leaves) {
  const entries = [];
  let start = 0;
  while (start + 2 <= raw.length) {
    const stop = start + 2 + ((raw[start] << 8) | raw[start + 1]);
    entries.push(raw.subarray(start + 2, stop));
    start = stop;
  }
  if (start !== raw.length || entries.length !== name.width) {
    throw await locate(name, raw, leaves);
  }
  return entries;
}

/** A length that was changed moves everything after it: the first entry that is not itself tells where. */
async function locate(name, raw, leaves) {
  const first = name.index * TILE_WIDTH;
  const fault = (position, problem) => new Fault("entries", "entry_bytes", `entry ${position}`, problem);
  let start = 0;
  for (let offset = 0; offset < name.width; offset++) {
    const stop = start + 2 + ((raw[start] << 8) | raw[start + 1]);
    if (start + 2 > raw.length || stop > raw.length) {
      return fault(first + offset, "is missing or cut off");
    }
    const said = leaves.subarray(HASH_BYTES * offset, HASH_BYTES * (offset + 1));
    if (!equal(await leafHash(raw.subarray(start + 2, stop)), said)) {
      return fault(first + offset, "does not have the leaf hash that was recorded for it, or is another entry");
    }
    start = stop;
  }
  return fault(first + name.width, "more bytes than entries");
}

/**
 * Bytes, leaf hashes, position and `prev` of each entry; then the tree. `head` is `{frontier, lastLeaf}` before them.
 * Returns the head after them, and what tiles have to learn.
 */
export async function checkEntries(head, entries, recorded) {
  const first = head.frontier.size;
  const leaves = await Promise.all(entries.map(leafHash));
  if (!equal(concat(...leaves), recorded)) {
    throw wrongLeaf(first, entries, leaves, recorded);
  }
  const before = [head.lastLeaf, ...leaves];
  for (const [offset, entry] of entries.entries()) {
    if (!startsWith(entry, beginning(first + offset, before[offset]))) {
      throw wrongLink(first + offset, entry);
    }
  }
  const { frontier, learnt } = await appendLeaves(head.frontier, leaves);
  return { head: { frontier, lastLeaf: before.at(-1) }, learnt };
}

function wrongLink(position, entry) {
  if (!startsWith(entry, sequence(position))) {
    return new FormatError("entry_position", `entry ${position}`, "says that it is another entry, or is none");
  }
  const problem = "follows another entry than the one before it, or that one changed";
  return new FormatError("entry_link", `entry ${position}`, problem);
}

/** The entry that follows tells which of the two was changed, because it names the hash that was there first. */
function wrongLeaf(first, entries, leaves, recorded) {
  const isSaid = (leaf, place) => equal(leaf, recorded.subarray(HASH_BYTES * place, HASH_BYTES * (place + 1)));
  const offset = leaves.findIndex((leaf, place) => !isSaid(leaf, place));
  const following = entries[offset + 1] ?? new Uint8Array();
  if (startsWith(following, beginning(first + offset + 1, leaves[offset]))) {
    return new FormatError("leaf_hash", `entry ${first + offset}`, "its recorded leaf hash was changed");
  }
  const problem = "does not have the leaf hash that was recorded for it";
  return new FormatError("entry_bytes", `entry ${first + offset}`, problem);
}

/** What every entry is asked besides: JSON with these fields. Each entry alone, and once. */
export function readLinks(first, entries) {
  return entries.map((entry, offset) => {
    const link = parsed(entry);
    if (!link) {
      const place = `entry ${first + offset}`;
      throw new Fault("entities", "entry_malformed", place, "not JSON with the fields of an entry");
    }
    return link;
  });
}

function parsed(entry) {
  const text = textOf(entry);
  let link = null;
  try {
    link = JSON.parse(text);
  } catch {
    return null;
  }
  const isText = (value) => typeof value === "string" && value !== "" && [...value].length <= 255;
  const { type, entity, eseq, eprev, commit } = link ?? {};
  const isLink = isText(type) && Array.isArray(entity) && entity.length === 2 && entity.every(isText) &&
    Number.isInteger(eseq) && (eprev === null || Number.isInteger(eprev)) &&
    (commit === undefined || typeof commit === "string");
  return isLink ? { type, entity, eseq, eprev, commit, value: link.data ?? {} } : null;
}
