// The buttons of the custody pages: what the server shows is checked here, in the browser of whoever looks.

import { base64, parseBase64 } from "./log/bytes.js";
import { checkExtends, keyHistory, openCheckpoint } from "./log/checkpoint.js";
import { FormatError } from "./log/fault.js";
import { leafHash } from "./log/hashing.js";
import { parseVkey } from "./log/note.js";
import { climbInclusion } from "./log/proof.js";
import { checkReceipt, parseReceipt } from "./log/receipt.js";
import { checkInWorker, startWorker } from "./asking.js";
import { show, showAnswer, showRefused } from "./result.js";

const byId = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString("en-US");

/** The keys that the server says the log has had: a head by any other is no head of this log. */
async function historyOf({ keys }) {
  return keyHistory(await Promise.all(
    JSON.parse(keys).map(async (each) => ({ ...each, key: await parseVkey(each.vkey) }))));
}

const keysOf = (vkeys) => Promise.all(JSON.parse(vkeys).map(parseVkey));

/** Its bytes, its way, its head; the way is marked as it is climbed. */
async function verifyEntry(given) {
  const entry = parseBase64(given.entry, "entry"), receipt = parseReceipt(parseBase64(given.receipt, "receipt"));
  const head = await checkReceipt(receipt, entry, await historyOf(given));
  const { size, root } = head.checkpoint;
  const steps = await climbInclusion(await leafHash(entry), receipt.index, size, receipt.path);
  for (const [level] of steps.entries()) {
    document.querySelector(`[data-level="${level}"]`).classList.add("rung-checked");
  }
  return ["Good: these bytes are in the log that was signed", [
    ["Entry", number(receipt.index)], ["Leaf hash", base64(steps[0].hash)], ["Root", base64(root)],
    ["Head", `of ${number(size)} entries`], ["Signed by", head.signatures.map((line) => line.key.keyId).join(", ")],
  ]];
}

/** Both signatures, cosignatures, and that the newer one goes on from the older. */
async function verifyHeads(given) {
  const history = await historyOf(given);
  const [older, newer] = await Promise.all([
    openCheckpoint(parseBase64(given.older, "older head"), history, await keysOf(given.olderCosigners)),
    openCheckpoint(parseBase64(given.newer, "newer head"), history, await keysOf(given.newerCosigners)),
  ]);
  const proof = given.proof.split(" ").filter(Boolean).map((text) => parseBase64(text, "proof"));
  await checkExtends(older.checkpoint, newer.checkpoint, proof);
  const rows = [["Older", older], ["Newer", newer]].map(([name, head]) => [
    name, `${number(head.checkpoint.size)} entries, root ${base64(head.checkpoint.root)}, ` +
      `${head.cosignatures.length} cosignatures checked`,
  ]);
  return ["Good: the newer log begins with the older one", rows];
}

function onPress(id, check) {
  const button = byId(id), result = byId("verify-result");
  if (!button) { return; }
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      show(result, "good", ...(await check(button.dataset)));
    } catch (error) {
      if (!(error instanceof FormatError)) { throw error; }
      showRefused(result, error);
    } finally {
      button.disabled = false;
    }
  });
}

/** The whole log is fetched and then checked by the worker, which may not connect anywhere itself. */
function offerAll() {
  const button = byId("verify-all"), stop = byId("verify-stop"), result = byId("verify-result");
  if (!button) { return; }
  button.hidden = false;
  button.addEventListener("click", async () => {
    const ending = new AbortController(), worker = startWorker();
    stop.onclick = () => ending.abort();
    button.disabled = true;
    stop.hidden = byId("verify-progress").hidden = false;
    try {
      const answer = await fetch(button.dataset.export, { signal: ending.signal });
      if (!answer.ok) { throw new Error(`The log could not be fetched (${answer.status}): reload the page.`); }
      const said = await checkInWorker({ file: await answer.blob(), vkeys: [], kept: null, form: true }, {
        worker,
        signal: ending.signal,
        onProgress: ({ entries, fraction }) => {
          byId("verify-fraction").value = fraction;
          byId("verify-count").textContent = `${number(entries)} entries`;
        },
      });
      showAnswer(result, said);
    } catch (error) {
      if (!ending.signal.aborted) { showAnswer(result, { failed: error.message }); }
    } finally {
      worker.terminate();
      button.disabled = false;
      stop.hidden = byId("verify-progress").hidden = true;
    }
  });
}

onPress("verify-entry", verifyEntry);
onPress("verify-heads", verifyHeads);
offerAll();
