// Signed heads: each is of these entries, and signed by a key that the log had then. The log's keys are followed from
// the first one on, as the rotations in its own entries say; keys.json only says where to look, and is not believed.

import { base64, equal, latin1, textOf, utf8 } from "./bytes.js";
import { counts, keyHistory, openCheckpoint, parseCheckpoint, rotated } from "./checkpoint.js";
import { decodeEntry } from "./entry.js";
import { Fault, FormatError, within } from "./fault.js";
import { checkRotation, KEYS_FILE } from "./keys.js";
import { HEADS } from "./names.js";
import { openNote, parseNote, parseSignatureLine, sameKey } from "./note.js";

const MOST_NOTICES = 20;

/** Arguments so that a test can leave one out, and see that nothing else finds what it finds. */
export const HEAD_CHECKS = { open: openCheckpoint, rotation: checkRotation, sameRoot: equal };

export class Heads {
  #known;
  #given;
  #checks;
  #cosigners;
  history;
  newestSize = -1; // of the heads seen so far; -1 before the first
  count = 0;
  cosignatures = 0;
  rotations = [];
  notices = [];

  /** `given`: keys of cosigners that the auditor knows, which must have signed the newest head. */
  constructor(known, given, checks = HEAD_CHECKS) {
    this.#known = known;
    this.#given = given;
    this.#checks = checks;
    this.history = keyHistory([{ ...known.log[0], firstSize: 0, lastSize: null }]);
    const beside = [...known.beside.map((epoch) => epoch.key), ...given];
    this.#cosigners = [...new Map(beside.map((key) => [key.vkey, key])).values()];
  }

  /** A stored head. `rotation` is the entry before it, when that is one: then this is its boundary. */
  async check(seen, raw, rotation) {
    const note = await this.#read(seen, raw);
    if (rotation) {
      await this.#rotate(seen, raw, note, rotation);
    }
    this.#checkLines(seen, note);
    const head = await within("heads", seen.name, () => this.#open(raw));
    this.count += 1;
    this.newestSize = seen.size;
    this.cosignatures += head.cosignatures.length;
    if (head.unchecked.length) {
      this.#notice(`${seen.name} has a line of a kind (ML-DSA) that is not checked here: \`loopctl log verify\` does`);
    }
  }

  /** The file `checkpoint`: the last stored head again, with lines that may have come later. */
  async checkNewest(seen, raw) {
    const note = await this.#read(seen, raw, true);
    if (this.newestSize !== seen.size) {
      const problem = "the newest head is not among the stored ones";
      throw new Fault("heads", "member_missing", `${HEADS}${seen.size}`, problem);
    }
    this.#checkLines(seen, note);
    const head = await within("heads", seen.name, () => this.#open(raw));
    const missing = this.#given.filter((key) => !head.cosignatures.some((line) => sameKey(line.key, key)));
    if (missing.length) {
      const problem = `without the lines of ${missing.length} given cosigners`;
      throw new Fault("heads", "cosignatures_missing", seen.name, problem);
    }
    const came = this.history.length;
    if (came !== this.#known.log.length) {
      const problem = "no rotation in the log has brought it";
      throw new Fault("keys", "keys_differ", `${KEYS_FILE}, log key ${came + 1}`, problem);
    }
    return head;
  }

  /** A head that the auditor has kept, at the size that it says. */
  async checkKept(seen, raw) {
    const head = await within("freshness", seen.name, () => this.#open(raw));
    if (!this.#checks.sameRoot(head.checkpoint.root, seen.root)) {
      throw new Fault("freshness", "heads_differ", seen.name, `has another root for size ${seen.size}: a fork`);
    }
  }

  #open(raw) {
    return this.#checks.open(raw, this.history, this.#cosigners);
  }

  async #read(seen, raw, isNewest = false) {
    let note, checkpoint;
    try {
      note = parseNote(raw);
      checkpoint = parseCheckpoint(note.text);
    } catch (error) {
      if (!(error instanceof FormatError)) { throw error; }
      const line = damagedLine(raw, { origin: this.#known.origin, ...seen });
      throw new Fault("heads", error.code, `${seen.name}, ${line}`, error.problem);
    }
    if (isNewest && checkpoint.size !== seen.size && (await this.#isSigned(raw))) {
      throw otherEnd(seen, checkpoint.size);
    }
    await this.#checkText(seen, checkpoint, raw);
    return note;
  }

  async #checkText(seen, checkpoint, raw) {
    if (checkpoint.origin !== this.#known.origin) {
      throw new Fault("heads", "origin_mismatch", `${seen.name}, line 1`, "the head of another log");
    }
    if (checkpoint.size !== seen.size) {
      throw new Fault("heads", "size_mismatch", `${seen.name}, line 2`, `not the size ${seen.size}`);
    }
    if (this.#checks.sameRoot(checkpoint.root, seen.root)) {
      return;
    }
    if (await this.#isSigned(raw)) {
      const since = Math.max(this.newestSize, 0);
      const problem = `was signed for other entries than those from ${since} to ${seen.size - 1}`;
      throw new Fault("heads", "root_differs", seen.name, problem);
    }
    throw new Fault("heads", "root_differs", `${seen.name}, line 3`, "neither the root of these entries nor signed");
  }

  /** In a bundle nothing stays unchecked: a line by a key that is not in keys.json is no line of this log. */
  #checkLines(seen, note) {
    const isKey = (line, key) => line.name === key.name && line.keyId === key.keyId;
    const byNow = [...this.history.map((epoch) => epoch.key), ...this.#cosigners];
    for (const [number, line] of note.lines.entries()) {
      if (!byNow.some((key) => isKey(line, key))) {
        const place = `${seen.name}, signature line ${number + 1}`;
        throw new Fault("heads", "signature_unknown", place, "by a key that the log did not have at this size");
      }
      const epoch = [...this.#known.log, ...this.#known.beside].find(({ key }) => isKey(line, key));
      if (epoch && !counts(epoch, seen.size)) {
        this.#notice(`${seen.name} has a line by the key ${line.keyId}, which does not count for it`);
      }
    }
  }

  async #rotate(seen, raw, note, rotation) {
    // 1. The boundary is signed by the key that the log had until now.
    const boundary = await within("heads", seen.name, () => this.#open(raw));
    // 2. Old and new key have signed the entry, and the new one has signed the boundary.
    const old = this.history.at(-1).key;
    const { key, reason } = await within("rotations", `entry ${seen.size - 1}`, () =>
      this.#checks.rotation(decodeEntry(rotation), old));
    const history = await within("rotations", seen.name, async () => {
      await openNote(note, [key]);
      return rotated(this.history, key, seen.size);
    });
    // 3. keys.json tells the same story.
    const claim = this.#known.log[history.length - 1];
    if (!claim || !sameKey(claim.key, key) || claim.firstSize !== seen.size || claim.reason !== reason) {
      const problem = `does not tell of the rotation in entry ${seen.size - 1} what that tells itself`;
      throw new Fault("keys", "keys_differ", KEYS_FILE, problem);
    }
    this.history = history;
    const cosigners = this.#given.filter((each) => boundary.cosignatures.some((line) => sameKey(line.key, each)));
    this.rotations.push({
      boundary: seen.size, old_key_id: old.keyId, new_vkey: key.vkey, reason, cosigners: cosigners.length,
    });
  }

  async #isSigned(raw) {
    try {
      await openCheckpoint(raw, this.history, this.#cosigners);
      return true;
    } catch (error) {
      if (!(error instanceof FormatError)) { throw error; }
      return false;
    }
  }

  #notice(text) {
    if (this.notices.length < MOST_NOTICES) {
      this.notices.push(text);
    }
  }
}

function otherEnd(seen, size) {
  if (size > seen.size) {
    return new Fault("entries", "entry_missing", `entry ${seen.size}`, `is missing: the newest head has size ${size}`);
  }
  return new Fault("entries", "entry_unsigned", `entry ${size}`, "comes after the newest head, signed by nobody");
}

/** Where a note that cannot be parsed differs from what it ought to be. */
function damagedLine(raw, { origin, size, root }) {
  const lines = latin1(raw).split("\n");
  const expected = [latin1(utf8(origin)), `${size}`, base64(root), ""];
  const wrong = expected.findIndex((line, number) => lines[number] !== line);
  if (wrong >= 0) {
    return `line ${wrong + 1}`;
  }
  for (const [number, line] of lines.slice(4).entries()) {
    try {
      parseSignatureLine(textOf(Uint8Array.from(line, (each) => each.charCodeAt(0))) ?? "", "");
    } catch {
      return `signature line ${number + 1}`;
    }
  }
  return "last line"; // without its end
}
