// Another security key for the tenant: made here, and confirmed with one that it has. Pages change nothing by their cookie,
// so the API key is asked for; it is sent to the API and kept nowhere.
import { byId, created, send, show, touched } from "./webauthn.js";

const path = "/api/v1/tenants/me/authenticators";
const form = byId("enrol-another");

const enrol = async () => {
  const key = byId("enrol-api-key").value.trim(), name = byId("enrol-key-name").value.trim();
  show("enrol-status", "Touch the new key.");
  const { data } = await send(`${path}/challenge`, { friendly_name: name }, key);
  const body = await created(data, name);
  if (form.dataset.confirmed) {
    show("enrol-status", "Now touch one that is enrolled already.");
    const wish = await send("/api/v1/tenants/me/webauthn/challenge", { method: "POST", path, body }, key);
    body.webauthn_assertion = await touched(wish.data);
  }
  await send(path, body, key);
  byId("enrol-api-key").value = "";
  location.reload();
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  show("enrol-error", "");
  try { await enrol(); } catch (error) {
    show("enrol-status", "");
    show("enrol-error", error.message || error.name);
  }
});
