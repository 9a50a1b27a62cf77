// A check in a worker of its own, so that it can be ended at any time.

/** Begun early where the network may go; everything that it needs is here once it is ready. */
export function startWorker() {
  const worker = new Worker("/verify/worker.js", { type: "module" });
  document.body.dataset.verifier = "loading";
  worker.addEventListener("message", () => { document.body.dataset.verifier = "ready"; }, { once: true });
  return worker;
}

/** What the worker says at the end; `{failed}` when it could not. Throws when `signal` ends it. */
export function checkInWorker(wish, { worker = startWorker(), signal = null, onProgress = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => {
      worker.terminate();
      reject(new Error("stopped"));
    });
    worker.onmessage = ({ data }) => {
      if (data.progress) {
        onProgress(data.progress);
      } else if (!data.ready) {
        resolve(data);
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      resolve({ failed: event.message || "The verifier could not be loaded: reload the page." });
    };
    worker.postMessage(wish);
  });
}
