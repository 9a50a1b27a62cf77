// One entry of a log: its fields, its only spelling, its limits.

import { base64, LARGEST, parseBase64, textOf } from "./bytes.js";
import { canonicalJson, parseJson } from "./canonical.js";
import { FormatError } from "./fault.js";
import { NO_LEAF } from "./hashing.js";

export const LARGEST_ENTRY = 65535;

const FIELDS = ["v", "seq", "prev", "ts", "type", "actor", "entity", "eseq", "eprev", "salt", "data", "commit"];
const NO_PREV = base64(NO_LEAF);
const TIMESTAMP = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.[0-9]{6}Z$/;
const TYPE = /^[a-z][a-z0-9_]{0,62}(?:\.[a-z][a-z0-9_]{0,62})+$/;
const KIND = /^[a-z][a-z0-9_]{0,62}$/;

/** Accepts exactly the bytes that a log is written with. */
export function decodeEntry(raw) {
  if (raw.length > LARGEST_ENTRY) {
    throw new FormatError("entry_too_large", "entry", `${raw.length} bytes, over ${LARGEST_ENTRY}`);
  }
  const text = textOf(raw);
  const entry = parseJson(text);
  checkFields(entry);
  if (encodeEntry(entry) !== text) {
    throw new FormatError("entry_not_canonical", "entry", "a second spelling of the same entry");
  }
  return entry;
}

/** The fields in their order; only `data` is sorted. */
export function encodeEntry(entry) {
  const member = (name) => `"${name}":${canonicalJson(entry[name])}`;
  return `{${FIELDS.filter((name) => entry[name] !== undefined).map(member).join(",")}}`;
}

export function isText(value) {
  return typeof value === "string" && value !== "" && (value.length <= 255 || [...value].length <= 255);
}

export const isPosition = (value) => Number.isSafeInteger(value) && value >= 0 && value < LARGEST;

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export function isTimestamp(text) {
  const found = typeof text === "string" && TIMESTAMP.exec(text);
  if (!found) {
    return false;
  }
  const [year, month, day, hour, minute, second] = found.slice(1).map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return year > 0 && day >= 1 && day <= days && hour < 24 && minute < 60 && second < 60;
}

function checkFields(entry) {
  const wrong = (field, problem) => new FormatError("entry_malformed", field, problem);
  if (!isObject(entry) || Object.keys(entry).some((name) => !FIELDS.includes(name)) || entry.v !== 1) {
    throw wrong("entry", "not JSON with the fields of an entry, of their types and lengths");
  }
  const { seq, prev, ts, type, actor, entity, eseq, eprev, salt, data, commit } = entry;
  const typed = isPosition(seq) && isBytes(prev, 32) && isBytes(salt, 16) && isPosition(eseq) &&
    (eprev === null || isPosition(eprev)) && (commit === undefined || isBytes(commit, 32)) &&
    isTexts(actor, 1, 16) && isTexts(entity, 2, 2) && typeof type === "string";
  if (!typed) {
    throw wrong("entry", "not JSON with the fields of an entry, of their types and lengths");
  }
  if (eprev === null ? eseq !== 0 : !(eseq > 0 && eseq <= eprev + 1 && eprev + 1 <= seq)) {
    throw wrong("eprev", "not the position of an earlier entry of the entity");
  }
  if (seq === 0 && prev !== NO_PREV) {
    throw wrong("prev", "a leaf hash before the first entry");
  }
  if (!isTimestamp(ts)) {
    throw wrong("ts", "not a time in UTC with microseconds and Z");
  }
  if (!TYPE.test(type) || !KIND.test(entity[0])) {
    throw wrong("type, entity", "not lower-case tags");
  }
  if (data === undefined ? commit === undefined : !isObject(data)) {
    throw wrong("data, commit", "neither of the two, or data that is no object");
  }
}

function isTexts(value, least, most) {
  return Array.isArray(value) && value.length >= least && value.length <= most && value.every(isText);
}

function isBytes(value, length) {
  try {
    return typeof value === "string" && parseBase64(value, "").length === length;
  } catch {
    return false;
  }
}
