// Signed notes and the keys that they are checked with (C2SP signed-note, tlog-cosignature).

import { concat, hex, parseBase64, textOf, utf8 } from "./bytes.js";
import { checkPublicKey, isSignature } from "./ed25519.js";
import { FormatError } from "./fault.js";
import { sha256 } from "./hashing.js";

export const LARGEST_NOTE = 65536;
export const ED25519 = 0x01; // signs the text of a note: a log's key
export const COSIGNATURE = 0x04; // Ed25519 over a checkpoint and a time: a witness's key, or the server's clock
export const ML_DSA_44 = 0x06; // as 04, safe from quantum computers; browsers cannot check it yet

const MOST_LINES = 64;
const KEY_ID_BYTES = 4;
const ML_DSA_44_KEY_BYTES = 1312;
const LARGEST_VKEY = 4096;
const LARGEST_NAME = 255;
const DASH = "\u2014 ";
const CONTROL = /[\x00-\x09\x0b-\x1f]/;
const NAME = /^[^\s+\x00-\x1f]+$/;

/** `text` is the signed message with its last line feed; nothing about the lines has been checked. */
export function parseNote(raw) {
  // 1. Size, before anything is done with the bytes; characters.
  if (raw.length > LARGEST_NOTE) {
    throw new FormatError("note_too_large", "note", `over ${LARGEST_NOTE} bytes`);
  }
  const decoded = textOf(raw);
  if (decoded === null || CONTROL.test(decoded)) {
    throw new FormatError("note_malformed", "note", "not UTF-8, or a control character");
  }
  // 2. The last empty line ends the text, which may have empty lines of its own.
  const split = decoded.lastIndexOf("\n\n");
  if (split < 0 || !decoded.endsWith("\n") || split + 2 >= decoded.length) {
    throw new FormatError("note_malformed", "note", "no text, empty line and whole signature lines");
  }
  // 3. The lines.
  const lines = decoded.slice(split + 2, -1).split("\n");
  if (lines.length > MOST_LINES) {
    throw new FormatError("note_too_large", "note", `over ${MOST_LINES} signature lines`);
  }
  const parsed = lines.map((line, number) => parseSignatureLine(line, `signature line ${number + 1}`));
  return { text: decoded.slice(0, split + 1), lines: parsed };
}

/** `line` without its line feed. */
export function parseSignatureLine(line, place) {
  const blank = line.indexOf(" ", DASH.length), name = line.slice(DASH.length, blank);
  if (!line.startsWith(DASH) || blank < 0 || !isKeyName(name)) {
    throw new FormatError("note_malformed", place, "not a dash, a key name and base64");
  }
  const blob = parseBase64(line.slice(blank + 1), place);
  if (blob.length <= KEY_ID_BYTES) {
    throw new FormatError("note_malformed", place, "too short for a key id and a signature");
  }
  return { name, keyId: hex(blob.subarray(0, KEY_ID_BYTES)), signature: blob.subarray(KEY_ID_BYTES) };
}

/** `name+key id+base64(type, public key)`; the base64 itself may hold more plus signs. */
export async function parseVkey(text) {
  const found = text.length <= LARGEST_VKEY && /^([^+]*)\+([0-9a-f]{8})\+(.*)$/.exec(text);
  if (!found) {
    throw new FormatError("key_malformed", "vkey", "not name+key id+base64");
  }
  const [, name, keyId, encoded] = found;
  const material = parseBase64(encoded, "vkey");
  const type = material[0], publicKey = material.subarray(1);
  if (![ED25519, COSIGNATURE, ML_DSA_44].includes(type)) {
    throw new FormatError("key_malformed", "vkey", "a key of an unknown type");
  }
  if (!isKeyName(name) || utf8(name).length > LARGEST_NAME) {
    throw new FormatError("key_malformed", "key name", "empty, too long, or with a blank or plus sign");
  }
  if (type !== ML_DSA_44) {
    checkPublicKey(publicKey, "public key");
  } else if (publicKey.length !== ML_DSA_44_KEY_BYTES) {
    throw new FormatError("key_malformed", "public key", `an ML-DSA-44 key has ${ML_DSA_44_KEY_BYTES} bytes`);
  }
  const digest = await sha256(concat(utf8(`${name}\n`), material));
  if (hex(digest.subarray(0, KEY_ID_BYTES)) !== keyId) {
    throw new FormatError("key_malformed", "vkey", "the key id is another key's");
  }
  return { name, type, publicKey, keyId, vkey: text };
}

const isKeyName = (name) => NAME.test(name) && !/\p{Surrogate}/u.test(name);

export const sameKey = (one, other) => one.vkey === other.vkey;

/**
 * The lines by `keys`, at least one, each `{key, time}`; `time` in Unix seconds, of cosignatures only. A known key's
 * line that fails spoils the note; other lines are ignored. Lines of ML-DSA are returned with `unchecked`.
 */
export async function openNote(note, keys) {
  const known = new Map(keys.map((key) => [`${key.name} ${key.keyId}`, key]));
  if (known.size !== new Set(keys.map((key) => key.vkey)).size) {
    throw new FormatError("key_malformed", "keys", "two keys with one name and key id");
  }
  const found = [];
  for (const [number, line] of note.lines.entries()) {
    const key = known.get(`${line.name} ${line.keyId}`);
    if (key) {
      found.push({ key, ...(await checkLine(key, note.text, line.signature, `signature line ${number + 1}`)) });
    }
  }
  if (!found.some((line) => !line.unchecked)) {
    throw new FormatError("signature_missing", "note", "no line by a known key");
  }
  return found;
}

async function checkLine(key, text, signature, place) {
  if (key.type === ED25519) {
    await checkSignature(key, signature, utf8(text), place);
    return { time: null };
  }
  return checkCosignature(key, text, signature, place);
}

/** "At this time this was the largest head of this log that I have seen." */
async function checkCosignature(key, text, signature, place) {
  const length = 8 + (key.type === ML_DSA_44 ? 2420 : 64);
  if (signature.length !== length) {
    throw new FormatError("cosignature_malformed", place, `${signature.length} bytes instead of ${length}`);
  }
  const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  if (time === 0n || time >= 2n ** 63n) {
    throw new FormatError("cosignature_malformed", place, "no time, or one beyond the end of time");
  }
  if (key.type === ML_DSA_44) {
    return { time: Number(time), unchecked: true };
  }
  await checkSignature(key, signature.subarray(8), utf8(`cosignature/v1\ntime ${time}\n${text}`), place);
  return { time: Number(time) };
}

export async function checkSignature(key, signature, message, place) {
  if (signature.length !== 64 || !(await isSignature(key.publicKey, signature, message))) {
    throw new FormatError("signature_invalid", place, "not this key's signature of this text");
  }
}

