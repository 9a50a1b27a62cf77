// Pages behind the login that move by themselves.
// A browser keeps pages that were left, for the way back, and their streams with them: a key may have few.
const streams = new Set();
htmx.createEventSource = (address) => {
  const stream = new EventSource(address);
  streams.add(stream);
  return stream;
};
addEventListener("pagehide", () => { for (const each of streams) { each.close(); } });
addEventListener("pageshow", (event) => { if (event.persisted) { location.reload(); } });

// A page that looks again leaves whoever reads or types in peace, and everybody where they were.
const shell = document.querySelector(".shell"), main = document.getElementById("main-content");
const frames = ".table-frame, .graph-frame, .board, .side nav", places = "a[href], button, input, select, textarea, summary";
let owed = false, kept = null;

const all = (selector) => [...shell.querySelectorAll(selector)];
const named = (place) => place.id || place.getAttribute("href") || place.dataset.copy || place.name;
const busy = () => document.hidden || !getSelection().isCollapsed
  || (main.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"));
const keep = () => {
  const here = document.activeElement, at = all(places).indexOf(here);
  kept = {
    at, name: at < 0 ? "" : named(here), open: all("details").map((each) => each.open),
    moved: all(frames).map((each) => [each.scrollLeft, each.scrollTop])
  };
};
const putBack = () => {
  if (!kept) { return; }
  const { at, name, open, moved } = kept;
  kept = null;
  all("details").forEach((each, place) => { each.open = open[place] ?? each.open; });
  all(frames).forEach((each, place) => { [each.scrollLeft, each.scrollTop] = moved[place] ?? [0, 0]; });
  if (at < 0 || all(places).includes(document.activeElement)) { return; }
  const now = all(places), far = (each) => Math.abs(now.indexOf(each) - at);
  const same = now.filter((each) => named(each) === name).sort((one, other) => far(one) - far(other));
  (same[0] ?? now[Math.min(at, now.length - 1)])?.focus({ preventScroll: true });
};
const lookAgain = () => {
  if (owed && !busy()) {
    owed = false;
    htmx.trigger("#live", "again");
  }
};
for (const told of ["focusout", "selectionchange", "visibilitychange"]) {
  document.addEventListener(told, () => setTimeout(lookAgain));
}
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id === "live" && busy()) {
    owed = true;
    event.preventDefault();
  }
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  const ended = xhr.status === 401 || new URL(xhr.responseURL).pathname !== location.pathname;
  if (ended) {  // the session: the same address leads to the login, and from there back again
    event.detail.shouldSwap = false;
    location.reload();
  } else { keep(); }
});
document.body.addEventListener("htmx:sseBeforeMessage", keep);
document.body.addEventListener("htmx:afterSwap", putBack);

// Where the list of pages is one line that moves, its own place is in sight.
const current = shell.querySelector(".side [aria-current]"), line = shell.querySelector(".side nav");
if (current && line.scrollWidth > line.clientWidth) {
  line.scrollLeft = current.offsetLeft - (line.clientWidth - current.offsetWidth) / 2;
}
