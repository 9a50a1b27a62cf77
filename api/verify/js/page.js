// The page of the offline check: files in, a verdict out. All reading and hashing is in a worker.

import { checkInWorker, startWorker } from "./asking.js";
import { show, showAnswer } from "./result.js";

const byId = (id) => document.getElementById(id);

let worker = startWorker(); // with the page, so that it is here when the network goes

function ask(wish, result, onProgress) {
  result.hidden = true;
  return checkInWorker(wish, { worker, onProgress });
}

async function checkBundle(file) {
  const result = byId("bundle-result"), progress = byId("bundle-progress");
  const vkeys = byId("bundle-vkeys").value.split("\n").map((line) => line.trim()).filter(Boolean);
  const wish = { file, vkeys, kept: byId("bundle-kept").files[0] ?? null, form: byId("bundle-strict").checked };
  byId("bundle-count").textContent = "";
  progress.hidden = byId("bundle-stop").hidden = false;
  const said = await ask(wish, result, ({ entries, fraction }) => {
    byId("bundle-fraction").value = fraction;
    byId("bundle-count").textContent = `${entries.toLocaleString("en-US")} entries`;
  });
  progress.hidden = byId("bundle-stop").hidden = true;
  showAnswer(result, said);
}

function wanted(file) {
  if (file) {
    checkBundle(file);
  } else {
    show(byId("bundle-result"), "bad", "No file", [["Problem", "Choose the export of a log first, or drop it here."]]);
  }
}

byId("bundle-form").addEventListener("submit", (event) => {
  event.preventDefault();
  wanted(byId("bundle-file").files[0]);
});

byId("bundle-stop").addEventListener("click", () => {
  worker.terminate();
  worker = startWorker();
  byId("bundle-progress").hidden = byId("bundle-stop").hidden = true;
  byId("bundle-check").focus();
});

byId("receipt-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const result = byId("receipt-result");
  const wish = {
    receipt: byId("receipt-file").files[0], entry: byId("receipt-entry").files[0],
    vkey: byId("receipt-vkey").value.trim(),
  };
  showAnswer(result, await ask(wish, result));
});

// A file may be dropped anywhere on the page; the area only shows it.
const area = byId("drop-area");
for (const [name, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    area.classList.toggle("over", isOver);
  });
}
document.addEventListener("drop", (event) => wanted(event.dataTransfer.files[0]));

if (!globalThis.crypto.subtle) {
  byId("how-hashed").textContent = "This page came over plain HTTP, where browsers lend their hashes and " +
    "signatures to no page: it uses its own, which are slower, and whoever is between you and the server could have " +
    "changed them. With https, or with loopctl log verify, nobody can.";
}
