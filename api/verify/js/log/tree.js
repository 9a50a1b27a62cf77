// Growing the tree: its frontier, which is the roots of the complete subtrees that it consists of, biggest first; and
// the tiles of level 1 and higher, which hold the roots of all subtrees of 256, 65,536, ... entries.

import { concat, equal, hashesIn } from "./bytes.js";
import { Fault } from "./fault.js";
import { EMPTY_ROOT, nodeHash, rowAbove } from "./hashing.js";
import { path, TILE_WIDTH } from "./names.js";

const TILE_HEIGHT = 8;

export const EMPTY = { size: 0, hashes: [] };

export async function rootOf(frontier) {
  const bigger = [...frontier.hashes];
  let root = bigger.pop() ?? EMPTY_ROOT;
  while (bigger.length) {
    root = await nodeHash(bigger.pop(), root);
  }
  return root;
}

/**
 * Adds leaf hashes level by level, each level's hashes all at once. Returns the new frontier, and the rows that tiles
 * of level 1 and higher have to learn.
 */
export async function appendLeaves(frontier, leaves) {
  const waiting = [...frontier.hashes], kept = [], learnt = [];
  let row = [...leaves];
  for (let level = 0; row.length; level++) {
    if (level && level % TILE_HEIGHT === 0) {
      learnt.push({ level: level / TILE_HEIGHT, first: Math.floor(frontier.size / 2 ** level), hashes: row });
    }
    row = [...row];
    if (Math.floor(frontier.size / 2 ** level) % 2) {
      row.unshift(waiting.pop()); // a left sibling has waited for the first of the row
    }
    if (row.length % 2) {
      kept.unshift(row.pop()); // the last one waits for a right sibling
    }
    row = await rowAbove(row);
  }
  return { frontier: { size: frontier.size + leaves.length, hashes: [...waiting, ...kept] }, learnt };
}

/** Keeps one unfinished tile for each level. */
export class UpperTiles {
  #unfinished = new Map();

  /** The tiles that have become full, lowest level first, each with its bytes. */
  grow(learnt) {
    const full = [];
    for (const { level, first, hashes } of learnt) {
      for (const [offset, hash] of hashes.entries()) {
        const index = Math.floor((first + offset) / TILE_WIDTH);
        const tile = this.#unfinished.get(level) ?? { index, hashes: [] };
        this.#unfinished.set(level, tile);
        tile.hashes.push(hash);
        if (tile.hashes.length === TILE_WIDTH) {
          full.push(asTile(level, tile));
          this.#unfinished.delete(level);
        }
      }
    }
    return full.sort((one, other) => one[0].level - other[0].level);
  }

  unfinished() {
    return [...this.#unfinished].sort(([one], [other]) => one - other).map(([level, tile]) => asTile(level, tile));
  }
}

function asTile(level, { index, hashes }) {
  return [{ kind: "tile", level, index, width: hashes.length }, concat(...hashes)];
}

export function checkTile(tile, computed, recorded) {
  if (equal(recorded, computed)) {
    return;
  }
  const place = path(tile);
  if (recorded.length !== computed.length) {
    throw new Fault("tiles", "tile_malformed", place, `${recorded.length} bytes for ${tile.width} hashes`);
  }
  const said = hashesIn(recorded);
  const number = hashesIn(computed).findIndex((hash, each) => !equal(hash, said[each]));
  throw new Fault("tiles", "tile_hash", `${place}, hash ${number}`, "is not what follows from the entries below it");
}
