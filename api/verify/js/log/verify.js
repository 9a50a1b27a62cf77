// The whole check of one bundle, in one pass: what is asked of a log, and in which order. `verify` never throws Fault,
// which is in the report; the report has the members that `loopctl log verify --json` prints.

import { base64, HASH_BYTES } from "./bytes.js";
import { parseCheckpoint } from "./checkpoint.js";
import { checkEntries, readEntries, readLinks } from "./entries.js";
import { decodeEntry } from "./entry.js";
import { Fault, FormatError, Unreadable, within } from "./fault.js";
import { EMPTY_ROOT, NO_LEAF } from "./hashing.js";
import { HEAD_CHECKS, Heads } from "./heads.js";
import { Digests, Entities, Payloads } from "./histories.js";
import { parseKeys, ROTATION_TYPE } from "./keys.js";
import { Members } from "./members.js";
import { HEADS, KEYS, NEWEST, path, TILE_WIDTH } from "./names.js";
import { ED25519, ML_DSA_44, parseNote, parseVkey } from "./note.js";
import { checkTile, EMPTY, rootOf, UpperTiles } from "./tree.js";

const KEPT = "the given checkpoint";
const BY_BUNDLE = "The log's first key was taken from the bundle itself: this shows that the bundle is whole, not " +
  "whose it is. To know that, give the key that you were told elsewhere.";
const BY_KEY = "The bundle's keys lead from one to the next, and the given ones are among them.";

/** All of them. Arguments so that a test can leave one out, and see that nothing else finds what it finds. */
export const ALL = {
  entries: checkEntries, tile: checkTile, heads: HEAD_CHECKS, entities: Entities, payloads: Payloads, digests: Digests,
};

/**
 * What an auditor knows before the check: keys (of the log, which it must have had; of cosigners, which must have
 * signed the newest head), and a signed head that was kept. Throws FormatError for what is none.
 */
export async function expecting({ vkeys = [], kept = null, form = false } = {}) {
  const keys = await Promise.all(vkeys.map(parseVkey));
  if (keys.some((key) => key.type === ML_DSA_44)) {
    throw new FormatError("key_malformed", "vkey", "ML-DSA signatures are not checked here: `loopctl log verify` does");
  }
  return {
    logKeys: keys.filter((key) => key.type === ED25519),
    cosigners: keys.filter((key) => key.type !== ED25519),
    kept: kept && { note: kept, checkpoint: parseCheckpoint(parseNote(kept).text) },
    form,
  };
}

/** `members` are asked for one by one; `progress` is told the number of entries after each group. */
export async function verify(members, expected, progress = () => {}, checks = ALL) {
  const verifier = new Verifier(expected, checks);
  try {
    await verifier.run(await new Members(members).begin(), progress);
    return await verifier.report(null);
  } catch (error) {
    if (error instanceof Unreadable) {
      return { verdict: "unreadable", problem: error.message };
    }
    if (!(error instanceof Fault)) { throw error; }
    return verifier.report(error.finding);
  }
}

class Verifier {
  #expected;
  #checks;
  #known = null;
  #heads = null;
  #head = { frontier: EMPTY, lastLeaf: NO_LEAF };
  #tiles = new UpperTiles();

  constructor(expected, checks) {
    this.#expected = expected;
    this.#checks = checks;
    this.entities = new checks.entities();
    this.payloads = new checks.payloads();
    this.digests = new checks.digests();
  }

  get size() {
    return this.#head.frontier.size;
  }

  async run(members, progress) {
    await this.#begin(await members.take(KEYS));
    const empty = { kind: "head", size: 0 };
    if (members.isAhead(empty)) {
      await this.#heads.check({ name: path(empty), size: 0, root: EMPTY_ROOT }, await members.take(empty));
    }
    while (this.size % TILE_WIDTH === 0) {
      const group = this.size / TILE_WIDTH;
      const heads = await members.heads(group);
      if (!heads.length && members.ahead?.kind !== "entries") {
        break;
      }
      await this.#group(members, group, heads);
      progress(this.size);
    }
    await this.#end(members);
  }

  async report(fault) {
    const { logKeys, cosigners } = this.#expected, heads = this.#heads;
    return {
      verdict: fault ? "bad" : "good",
      origin: this.#known?.origin ?? null,
      size: this.size,
      root: base64(await rootOf(this.#head.frontier)),
      trusted: {
        by: logKeys.length ? "vkey" : "bundle", log_keys: logKeys.length, cosigners: cosigners.length,
        statement: logKeys.length ? BY_KEY : BY_BUNDLE,
      },
      checked: {
        entries: this.size, heads: heads?.count ?? 0, cosignatures: heads?.cosignatures ?? 0,
        log_keys: heads?.history.length ?? 0, entities: this.entities.count, payloads: this.payloads.committed,
        payloads_erased: this.payloads.erased, digests: this.digests.count,
      },
      rotations: heads?.rotations ?? [],
      erased: this.payloads.listed,
      notices: heads?.notices ?? [],
      fault,
    };
  }

  async #begin(raw) {
    this.#known = await parseKeys(raw);
    const ours = this.#known.log.map((epoch) => epoch.key.vkey);
    const unknown = this.#expected.logKeys.find((key) => !ours.includes(key.vkey));
    if (unknown) {
      throw new Fault("keys", "key_unknown", path(KEYS), `the log never had the given key ${unknown.keyId}`);
    }
    this.#heads = new Heads(this.#known, this.#expected.cosigners, this.#checks.heads);
    await this.#checkKept(0, EMPTY_ROOT);
  }

  async #group(members, group, heads) {
    const [name, raw] = await members.entries(group);
    // 1. Bytes, leaves, chain; the roots at all sizes that somebody has signed.
    const first = this.size;
    const tile = { ...name, kind: "tile" };
    const leaves = await members.take(tile);
    if (leaves.length !== HASH_BYTES * name.width) {
      throw new Fault("tiles", "tile_malformed", path(tile), `${leaves.length} bytes for ${name.width} hashes`);
    }
    const entries = await readEntries(name, raw, leaves);
    const { roots, learnt } = await this.#grow(entries, leaves, heads.map(([size]) => size));
    // 2. What the entries say of each other.
    const links = readLinks(first, entries);
    this.entities.see(first, links);
    await this.payloads.see(first, links, entries);
    await this.digests.see(first, links, entries);
    if (this.#expected.form) {
      for (const [offset, entry] of entries.entries()) {
        await within("entries", `entry ${first + offset}`, () => decodeEntry(entry));
      }
    }
    // 3. Signatures and keys.
    const rotations = new Map(links.flatMap((link, offset) =>
      link.type === ROTATION_TYPE ? [[first + offset + 1, entries[offset]]] : []));
    await this.#checkHeads(heads, roots, rotations);
    // 4. The tiles above.
    for (const row of learnt) {
      for (const [full, computed] of this.#tiles.grow(row)) {
        this.#checks.tile(full, computed, await members.take(full));
      }
    }
  }

  /** Stops at each size that has a signed head, to see the root there. */
  async #grow(entries, leaves, signed) {
    const first = this.size, end = first + entries.length;
    const wanted = new Set([...signed, this.#expected.kept?.checkpoint.size]);
    const inside = [...wanted].filter((size) => size > first && size < end);
    const roots = new Map(), learnt = [];
    for (const stop of [...inside.sort((one, other) => one - other), end]) {
      const [low, high] = [this.size - first, stop - first];
      const part = leaves.subarray(HASH_BYTES * low, HASH_BYTES * high);
      const grown = await within("entries", "", () => this.#checks.entries(this.#head, entries.slice(low, high), part));
      this.#head = grown.head;
      learnt.push(grown.learnt);
      if (wanted.has(stop)) {
        roots.set(stop, await rootOf(grown.head.frontier));
      }
    }
    return { roots, learnt };
  }

  async #checkHeads(heads, roots, rotations) {
    const stored = heads.map(([size]) => size);
    for (const size of rotations.keys()) {
      if (!stored.includes(size)) {
        const problem = "is missing, the head that a rotation of keys needs";
        throw new Fault("rotations", "member_missing", `${HEADS}${size}`, problem);
      }
    }
    for (const [size, note] of heads) {
      if (size > this.size) {
        const problem = `is missing: the stored head ${HEADS}${size} has it`;
        throw new Fault("entries", "entry_missing", `entry ${this.size}`, problem);
      }
      await this.#heads.check({ name: `${HEADS}${size}`, size, root: roots.get(size) }, note, rotations.get(size));
    }
    const kept = this.#expected.kept?.checkpoint.size;
    if (roots.has(kept)) {
      await this.#checkKept(kept, roots.get(kept));
    }
  }

  async #checkKept(size, root) {
    const kept = this.#expected.kept;
    if (kept?.checkpoint.size === size) {
      await this.#heads.checkKept({ name: KEPT, size, root }, kept.note);
    }
  }

  async #end(members) {
    for (const [tile, computed] of this.#tiles.unfinished()) {
      this.#checks.tile(tile, computed, await members.take(tile));
    }
    const seen = { name: path(NEWEST), size: this.size, root: await rootOf(this.#head.frontier) };
    await this.#heads.checkNewest(seen, await members.take(NEWEST));
    const kept = this.#expected.kept?.checkpoint.size ?? 0;
    if (kept > this.size) {
      const problem = `size ${this.size}, but a head of size ${kept} was signed before: stale`;
      throw new Fault("freshness", "stale", path(NEWEST), problem);
    }
    members.end();
  }
}
