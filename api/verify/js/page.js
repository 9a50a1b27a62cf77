// The page of the offline check: files in, a verdict out. All reading and hashing is in a worker.

import { show, showReceipt, showRefused, showReport } from "./result.js";

const byId = (id) => document.getElementById(id);

let worker = start();

/** Begun with the page, so that everything it needs is here when the network goes. */
function start() {
  const begun = new Worker("/verify/worker.js", { type: "module" });
  document.body.dataset.verifier = "loading";
  begun.addEventListener("message", () => { document.body.dataset.verifier = "ready"; }, { once: true });
  return begun;
}

/** Sends the worker something to check. One at a time: another wish ends the one before. */
function ask(wish, result, onProgress = () => {}) {
  result.hidden = true;
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => {
      if (data.ready) { return; }
      if (data.progress) {
        onProgress(data.progress);
        return;
      }
      resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      resolve({ failed: event.message || "The verifier could not be loaded: reload the page." });
    };
    worker.postMessage(wish);
  });
}

function answer(result, said) {
  if (said.refused) {
    showRefused(result, said.refused);
  } else if (said.failed) {
    show(result, "bad", "The check itself failed", [["Problem", said.failed]]);
  } else if (said.receipt) {
    showReceipt(result, said.receipt);
  } else {
    showReport(result, said.report, said.seconds);
  }
  result.scrollIntoView({ block: "nearest" });
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
  answer(result, said);
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
  worker = start();
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
  answer(result, await ask(wish, result));
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
