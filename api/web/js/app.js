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
document.body.addEventListener("htmx:afterSwap", (event) => offerCopies(event.target));
document.body.addEventListener("htmx:sseClose", () => { document.body.dataset.live = "ended"; });
document.body.addEventListener("htmx:sseOpen", () => { document.body.dataset.live = "open"; });
offerCopies(document);
