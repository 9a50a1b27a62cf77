// `keys.json`: which keys the log has had, each with the sizes that it counts for; and how one key follows another.

import { base64, concat, LARGEST, parseBase64, textOf, utf8 } from "./bytes.js";
import { canonicalJson, parseCanonicalJson } from "./canonical.js";
import { checkOrigin, keyHistory } from "./checkpoint.js";
import { encodeEntry, isObject, isTimestamp } from "./entry.js";
import { Fault, FormatError, within } from "./fault.js";
import { sha256 } from "./hashing.js";
import { checkSignature, COSIGNATURE, ED25519, ML_DSA_44, parseVkey } from "./note.js";

export const KEYS_FILE = "keys.json";
export const ROTATION_TYPE = "log.key_rotated";

const FORMAT = "loopctl-log-bundle/v1";
const MOST_KEYS = 1000;
const TYPES = { log: [ED25519], timestamp: [COSIGNATURE], witness: [COSIGNATURE, ML_DSA_44] };
const FIELDS = ["vkey", "purpose", "first_size", "last_size", "created_at", "retired_at", "reason"];
const PAE = utf8("loopctl/key-rotation/v1");

/** `{origin, log, beside}`: the log's own keys oldest first, and those that sign heads together with it. */
export async function parseKeys(raw) {
  const keys = await within("keys", KEYS_FILE, () => parseCanonicalJson(textOf(raw)));
  const isForm = isObject(keys) && Object.keys(keys).sort().join() === "digest,format,keys,origin" &&
    keys.format === FORMAT && typeof keys.origin === "string" && Array.isArray(keys.keys) && keys.keys.every(isRecord);
  if (!isForm) {
    throw new Fault("keys", "keys_malformed", KEYS_FILE, `not the keys of a bundle (${FORMAT})`);
  }
  const { digest, ...content } = keys;
  if (digest !== base64(await sha256(utf8(canonicalJson(content))))) {
    throw new Fault("keys", "keys_damaged", KEYS_FILE, "does not have the digest that it says");
  }
  return within("keys", KEYS_FILE, () => known(keys));
}

async function known({ origin, keys }) {
  checkOrigin(origin);
  const log = [], beside = [];
  for (const [number, record] of keys.slice(0, MOST_KEYS).entries()) {
    const epoch = await epochOf(origin, record, `${KEYS_FILE}, key ${number + 1}`);
    (record.purpose === "log" ? log : beside).push(epoch);
  }
  keyHistory(log);
  if (log[0].key.name !== origin || log[0].firstSize !== 0 || keys.length > MOST_KEYS) {
    const problem = "no key of this log from its first entry on, or too many keys";
    throw new Fault("keys", "keys_malformed", KEYS_FILE, problem);
  }
  return { origin, log, beside };
}

async function epochOf(origin, record, place) {
  const key = await within("keys", place, () => parseVkey(record.vkey));
  const isOurs = TYPES[record.purpose].includes(key.type) && (record.purpose !== "log" || key.name === origin);
  if (!isOurs || !isTimestamp(record.created_at) || !(record.retired_at === null || isTimestamp(record.retired_at))) {
    throw new Fault("keys", "keys_malformed", place, "of another log, another type, or without a time");
  }
  if (!(record.first_size >= 0 && record.first_size <= (record.last_size ?? LARGEST))) {
    throw new Fault("keys", "keys_malformed", place, "ends before it begins");
  }
  return { key, firstSize: record.first_size, lastSize: record.last_size, reason: record.reason };
}

function isRecord(record) {
  return isObject(record) && Object.keys(record).length === FIELDS.length &&
    FIELDS.every((name) => record[name] !== undefined) && Object.hasOwn(TYPES, record.purpose) &&
    [record.vkey, record.created_at, record.reason].every((text) => typeof text === "string") &&
    Number.isInteger(record.first_size) && (record.last_size === null || Number.isInteger(record.last_size)) &&
    (record.retired_at === null || typeof record.retired_at === "string");
}

/** The new key and the reason, if the old key and the new one have signed this entry. */
export async function checkRotation(entry, old) {
  const malformed = (problem) => new FormatError("rotation_malformed", "rotation", problem);
  // 1. A rotation away from the old key, to another key of the same log.
  const { signatures, ...data } = entry.data ?? {};
  const texts = [data.new_vkey, data.old_key_id, data.reason, signatures?.old, signatures?.new];
  if (entry.type !== ROTATION_TYPE || texts.some((text) => typeof text !== "string")) {
    throw malformed("without the fields of a rotation");
  }
  const key = await parseVkey(data.new_vkey);
  if (data.old_key_id !== old.keyId || !/^[a-z][a-z_]{0,62}$/.test(data.reason)) {
    throw malformed("from another key, or without a reason");
  }
  if (key.name !== old.name || key.type !== old.type || key.keyId === old.keyId) {
    throw malformed("to the same key, or to a key of another log");
  }
  // 2. Both signatures over the entry as it was before they were put in.
  const core = utf8(encodeEntry({ ...entry, data }));
  for (const [signer, signature, whose] of [[old, signatures.old, "old"], [key, signatures.new, "new"]]) {
    const place = `signature of the ${whose} key`;
    const message = authenticatedEncoding(PAE, utf8(signer.name), core);
    await checkSignature(signer, parseBase64(signature, place), message, place);
  }
  return { key, reason: data.reason };
}

/** PASETO's PAE: every part after its length, so that no two lists of parts are one message. */
function authenticatedEncoding(...parts) {
  const length = (number) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(number), true);
    return bytes;
  };
  return concat(length(parts.length), ...parts.flatMap((part) => [length(part.length), part]));
}
