// Pages behind the login: commands are copied with one click, and a session that has ended leads to the login.
const copied = async (button) => {
  await navigator.clipboard.writeText(button.dataset.copy);
  const said = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = said; }, 1500);
};

const offerCopies = (root) => {
  if (!navigator.clipboard) { return; }  // not on a plain address of a network
  for (const button of root.querySelectorAll("[data-copy][hidden]")) { button.hidden = false; }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) { copied(button); }
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-at-once]");
  if (form) { form.requestSubmit(); }
});
// "5 min ago" goes on being true while a page stays open; words and units as api/web/words.py writes them.
const spans = [[60, 1, "s"], [3600, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "d"]];
const span = (seconds) => {
  const [, size, unit] = spans.find(([below]) => seconds < below);
  return `${Math.floor(seconds / size)} ${unit}`;
};
const begun = Date.now(), here = Date.parse(document.body.dataset.now);
const retell = () => {
  const now = here + Date.now() - begun;  // by the server's clock
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = Math.trunc((now - Date.parse(time.dateTime)) / 1000);
    const said = seconds >= 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
    if (time.textContent !== said) { time.textContent = said; }
  }
};
if (here) { setInterval(retell, 15000); }

// The story as of a place in the log: the slider goes over those that are of it.
const replayed = (event, then) => {
  const slider = event.target, form = slider.closest?.("form[data-replay]");
  if (form) { then(slider, form.dataset.replay.split(" ")[slider.value]); }
};
document.addEventListener("input", (event) => replayed(event, (slider, place) => {
  slider.setAttribute("aria-valuetext", `position ${place}`);
}));
document.addEventListener("change", (event) => replayed(event, (_, place) => location.assign(`?at=${place}`)));

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
document.body.addEventListener("htmx:afterSwap", (event) => {
  offerCopies(event.target);
  putBack();
});
document.body.addEventListener("htmx:sseClose", () => { document.body.dataset.live = "ended"; });
document.body.addEventListener("htmx:sseOpen", () => { document.body.dataset.live = "open"; });
offerCopies(document);
