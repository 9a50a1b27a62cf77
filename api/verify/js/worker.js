// The check, beside the page, so that the page can show how far it has come and can end it.

import { base64 } from "./log/bytes.js";
import { keyHistory } from "./log/checkpoint.js";
import { FormatError } from "./log/fault.js";
import { parseVkey } from "./log/note.js";
import { checkReceipt, parseReceipt } from "./log/receipt.js";
import { membersOf } from "./log/tar.js";
import { expecting, verify } from "./log/verify.js";

const TOLD_EVERY = 100; // milliseconds

const bytesOf = async (file) => new Uint8Array(await file.arrayBuffer());

/** `{file, vkeys, kept, form}`, of which `kept` is a file too. The report, and how long it took. */
async function bundle({ file, vkeys, kept, form }) {
  let read = 0, told = 0;
  const started = performance.now();
  const tell = (entries) => {
    if (performance.now() - told > TOLD_EVERY) {
      told = performance.now();
      postMessage({ progress: { entries, fraction: file.size ? read / file.size : 0 } });
    }
  };
  const expected = await expecting({ vkeys, kept: kept && (await bytesOf(kept)), form });
  const report = await verify(membersOf(file, (bytes) => { read += bytes; }), expected, tell);
  return { report, seconds: (performance.now() - started) / 1000 };
}

/** `{receipt, entry, vkey}`: a file each, and the log's key. */
async function receipt({ receipt: file, entry, vkey }) {
  const key = await parseVkey(vkey);
  const history = keyHistory([{ key, firstSize: 0, lastSize: null }]);
  const parsed = parseReceipt(await bytesOf(file));
  const bytes = await bytesOf(entry);
  const { checkpoint, signatures } = await checkReceipt(parsed, bytes, history);
  const { origin, size, root } = checkpoint;
  return {
    receipt: {
      verdict: "good", origin, index: parsed.index, size, root: base64(root),
      signed_by: signatures.map((line) => line.key.keyId),
    },
  };
}

addEventListener("message", async ({ data }) => {
  try {
    postMessage(await (data.receipt ? receipt(data) : bundle(data)));
  } catch (error) {
    if (!(error instanceof FormatError)) { throw error; }
    const { code, place, problem } = error;
    postMessage({ refused: { code, place, problem } });
  }
});

postMessage({ ready: true });
