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

document.body.addEventListener("htmx:afterSwap", (event) => offerCopies(event.target));
document.body.addEventListener("htmx:sseClose", () => { document.body.dataset.live = "ended"; });
document.body.addEventListener("htmx:sseOpen", () => { document.body.dataset.live = "open"; });
offerCopies(document);
