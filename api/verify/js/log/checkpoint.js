// Signed heads: origin, size and root, which keys count for which sizes, and who has cosigned (C2SP tlog-checkpoint).

import { equal, LARGEST, parseDecimal, parseHash, utf8 } from "./bytes.js";
import { FormatError } from "./fault.js";
import { EMPTY_ROOT } from "./hashing.js";
import { ED25519, openNote, parseNote, sameKey } from "./note.js";
import { checkConsistency } from "./proof.js";

/** `text` of a note, its signatures yet to be checked. Three lines only. */
export function parseCheckpoint(text) {
  const lines = text.split("\n");
  if (lines.length !== 4 || lines[3]) {
    throw new FormatError("checkpoint_malformed", "checkpoint", "not exactly three lines");
  }
  checkOrigin(lines[0]);
  return { origin: lines[0], size: parseDecimal(lines[1], "line 2"), root: parseHash(lines[2], "line 3") };
}

export function checkOrigin(origin) {
  if (!/^[^\x00-\x1f]+$/.test(origin) || utf8(origin).length > 255) {
    throw new FormatError("checkpoint_malformed", "line 1", "no origin, a control character in it, or too long");
  }
}

/**
 * The keys of a log, oldest first, each `{key, firstSize, lastSize}`; `lastSize` null while it signs. All of one log,
 * in order, and without a size for which none counts.
 */
export function keyHistory(epochs) {
  const wrong = (problem) => new FormatError("key_malformed", "key history", problem);
  if (!epochs.length) {
    throw wrong("no key");
  }
  if (epochs.some(({ key }) => key.name !== epochs[0].key.name || key.type !== ED25519)) {
    throw wrong("keys of several logs, or other than log keys");
  }
  if (new Set(epochs.map(({ key }) => key.keyId)).size !== epochs.length) {
    throw wrong("two keys with one key id");
  }
  for (const [place, following] of epochs.slice(1).entries()) {
    const { firstSize, lastSize } = epochs[place];
    if (!(firstSize < following.firstSize && following.firstSize <= (lastSize ?? LARGEST))) {
      throw wrong(`no orderly change of keys at size ${following.firstSize}`);
    }
  }
  if (epochs.at(-1).lastSize !== null) {
    throw wrong("the newest key has ended");
  }
  return epochs;
}

export const counts = (epoch, size) => epoch.firstSize <= size && size <= (epoch.lastSize ?? LARGEST);

/** From size `boundary` on there is a new key, and the old one is needed no more. */
export function rotated(history, key, boundary) {
  const old = { ...history.at(-1), lastSize: boundary };
  return keyHistory([...history.slice(0, -1), old, { key, firstSize: boundary, lastSize: null }]);
}

/** A head to be believed as far as its signatures go; that it extends an earlier one is checked elsewhere. */
export async function openCheckpoint(raw, history, cosigners = []) {
  // 1. The note, its three lines, and every line by a key that the log ever had or by a known cosigner.
  const note = parseNote(raw);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== history[0].key.name) {
    throw new FormatError("origin_mismatch", "line 1", "the head of another log");
  }
  const lines = await openNote(note, [...history.map((epoch) => epoch.key), ...cosigners]);
  // 2. A key counts only for the sizes of its time: a stolen old key must not sign new heads.
  const byLog = lines.filter((line) => history.some((epoch) => sameKey(epoch.key, line.key)));
  const counting = history.filter((epoch) => counts(epoch, checkpoint.size));
  const signatures = byLog.filter((line) => counting.some((epoch) => sameKey(epoch.key, line.key)));
  if (byLog.length && !signatures.length) {
    const problem = `only signed by keys that do not count for size ${checkpoint.size}`;
    throw new FormatError("key_retired", "note", problem);
  }
  if (!signatures.length) {
    throw new FormatError("signature_missing", "note", "no line by the log");
  }
  // 3. No leaf, no choice of root.
  if (checkpoint.size === 0 && !equal(checkpoint.root, EMPTY_ROOT)) {
    throw new FormatError("empty_root", "line 3", "an empty log has only one root");
  }
  const cosignatures = lines.filter((line) => line.time !== null && !line.unchecked);
  return { checkpoint, note, signatures, cosignatures, unchecked: lines.filter((line) => line.unchecked) };
}

/** `newer` is a later head of the same history as `older`, or the same head. Both are believed to be signed. */
export async function checkExtends(older, newer, proof) {
  if (older.origin !== newer.origin) {
    throw new FormatError("origin_mismatch", "checkpoint", "heads of two logs");
  }
  if (newer.size < older.size) {
    const problem = `size ${newer.size} after size ${older.size}: the log was rolled back`;
    throw new FormatError("heads_differ", "checkpoint", problem);
  }
  if (older.size === newer.size && !equal(older.root, newer.root)) {
    const problem = `two roots for size ${newer.size}: the log was forked`;
    throw new FormatError("heads_differ", "checkpoint", problem);
  }
  if (older.size === 0) { // everything extends the empty tree, so a proof of it could only be noise
    if (proof.length || !equal(older.root, EMPTY_ROOT)) {
      throw new FormatError("proof_invalid", "consistency proof", "the empty tree needs none, and has only one root");
    }
    return;
  }
  await checkConsistency(older.size, newer.size, proof, older.root, newer.root);
}
