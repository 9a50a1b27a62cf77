// Receipts: that an entry is in a signed tree, checkable offline for ever (C2SP tlog-proof).

import { latin1, parseBase64, parseDecimal, parseHash } from "./bytes.js";
import { openCheckpoint } from "./checkpoint.js";
import { FormatError } from "./fault.js";
import { leafHash } from "./hashing.js";
import { LARGEST_NOTE } from "./note.js";
import { checkInclusion } from "./proof.js";

const FIRST_LINE = "c2sp.org/tlog-proof@v1";
const LONGEST_PATH = 63;

/** The form only. `checkpoint` is the whole note, byte for byte. */
export function parseReceipt(raw) {
  const text = latin1(raw);
  const split = text.indexOf("\n\n");
  if (split < 0 || split > 65536 || text.length - split - 2 > LARGEST_NOTE) {
    throw new FormatError("receipt_malformed", "receipt", "no empty line after the path, or too large");
  }
  const lines = text.slice(0, split).split("\n");
  if (lines.shift() !== FIRST_LINE) {
    throw new FormatError("receipt_malformed", "line 1", `not ${FIRST_LINE}`);
  }
  if (lines[0]?.startsWith("extra ") && !parseBase64(lines.shift().slice(6), "extra").length) {
    throw new FormatError("receipt_malformed", "extra", "empty, which is spelled by leaving it out");
  }
  if (!lines[0]?.startsWith("index ")) {
    throw new FormatError("receipt_malformed", "index", "missing");
  }
  const index = parseDecimal(lines.shift().slice(6), "index");
  if (lines.length > LONGEST_PATH) {
    throw new FormatError("receipt_malformed", "path", `over ${LONGEST_PATH} hashes`);
  }
  const path = lines.map((line, number) => parseHash(line, `path hash ${number + 1}`));
  return { index, path, checkpoint: raw.subarray(split + 2) };
}

/** `entry` is in the log that `history` speaks of. Returns the head that proves it. */
export async function checkReceipt(receipt, entry, history, cosigners = []) {
  const head = await openCheckpoint(receipt.checkpoint, history, cosigners);
  const { size, root } = head.checkpoint;
  await checkInclusion(await leafHash(entry), receipt.index, size, receipt.path, root);
  return head;
}
