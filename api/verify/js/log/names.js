// The files of a bundle: their names, their order, their limits (docs/log-bundle.md).

import { HASH_BYTES, LARGEST, parseDecimal } from "./bytes.js";
import { LARGEST_ENTRY } from "./entry.js";
import { Fault, FormatError } from "./fault.js";
import { LARGEST_NOTE } from "./note.js";

export const TILE_WIDTH = 256;
export const HEADS = "checkpoints/";
export const KEYS = { kind: "keys" };
export const NEWEST = { kind: "newest" };

const TOP_LEVEL = 7;
const LARGEST_KEYS_FILE = 1 << 20;
const TILE_PATH = /^tile\/([0-9]+|entries)\/((?:x[0-9]{3}\/){0,6}[0-9]{3})(?:\.p\/([0-9]+))?$/;
const SHOWN = /^[A-Za-z0-9_./-]{1,100}$/;

export function path(name) {
  switch (name.kind) {
    case "keys": return "keys.json";
    case "newest": return "checkpoint";
    case "head": return `${HEADS}${name.size}`;
    default: return tilePath(name);
  }
}

/** Only the one spelling of each name; anything else is a fault of the bundle. */
export function parsePath(text) {
  try {
    if (text === "keys.json") { return KEYS; }
    if (text === "checkpoint") { return NEWEST; }
    if (text.startsWith(HEADS)) {
      return { kind: "head", size: parseDecimal(text.slice(HEADS.length), text) };
    }
    return parseTilePath(text);
  } catch (error) {
    if (!(error instanceof FormatError)) { throw error; }
    const shown = SHOWN.test(text) ? text : "a file with a strange name";
    throw new Fault("bundle", "member_unexpected", shown, "no file of a bundle has this name");
  }
}

export function tilePath({ kind, level, index, width }) {
  const digits = String(index).padStart(3 * Math.ceil(String(index).length / 3), "0");
  const groups = digits.match(/.../g);
  const number = groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${kind === "entries" ? kind : level}/${number}${width < TILE_WIDTH ? `.p/${width}` : ""}`;
}

export function parseTilePath(text) {
  const found = TILE_PATH.exec(text);
  if (!found) {
    throw new FormatError("tile_malformed", "tile path", "not tile/<level>/<index>[.p/<width>]");
  }
  const [, folder, groups, partial] = found;
  const index = Number(groups.replace(/[x/]/g, ""));
  const width = partial === undefined ? TILE_WIDTH : parseDecimal(partial, "tile width", TILE_WIDTH - 1);
  const level = folder === "entries" ? 0 : parseDecimal(folder, "tile level", TOP_LEVEL);
  const name = { kind: folder === "entries" ? "entries" : "tile", level, index, width };
  // Groups of zeros in front would be a second path of the same tile.
  if (width === 0 || (index * TILE_WIDTH + width) * TILE_WIDTH ** level > LARGEST || tilePath(name) !== text) {
    throw new FormatError("tile_malformed", "tile path", "an impossible tile, or a second spelling of its path");
  }
  return name;
}

/**
 * In this order a bundle is checked as a stream: groups of 256 entries, each with its heads before it and with the
 * tiles that it completes after it; then what is not complete; then the newest head.
 */
export function order(name) {
  switch (name.kind) {
    case "keys": return [-1, 0, 0];
    case "head": return [groupOfHead(name.size), 0, name.size];
    case "entries": return [name.index, 1, 0];
    case "newest": return [LARGEST, 1, 0];
    default: {
      const isComplete = name.level === 0 || name.width === TILE_WIDTH;
      return isComplete ? [(name.index + 1) * TILE_WIDTH ** name.level - 1, 2, name.level] : [LARGEST, 0, name.level];
    }
  }
}

export function isBefore(one, other) {
  const place = one.findIndex((number, each) => number !== other[each]);
  return place >= 0 && one[place] < other[place];
}

/** The group that holds the last entry of a tree of this size. */
export const groupOfHead = (size) => Math.floor(Math.max(size - 1, 0) / TILE_WIDTH);

/** Bytes; whatever is longer is not read any further. */
export function largest(name) {
  switch (name.kind) {
    case "keys": return LARGEST_KEYS_FILE;
    case "entries": return name.width * (2 + LARGEST_ENTRY);
    case "tile": return name.width * HASH_BYTES;
    default: return LARGEST_NOTE;
  }
}
