// A tenant of one's own: security keys are enrolled one by one, then the tenant is made with them.
import { byId, created, leadToName, send, show } from "./webauthn.js";

let ceremony = null;
let keys = [];

const list = () => {
  byId("enrolled-authenticators").replaceChildren(...keys.map((key, place) => {
    const item = document.createElement("li");
    item.id = `authenticator-${place}`;
    item.className = "row";
    const name = document.createElement("span");
    name.textContent = `${key.friendly_name} (${key.attestation_format}${key.synced ? ", synced" : ""})`;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "button button-ghost button-small";
    remove.textContent = "Remove";
    remove.addEventListener("click", () => { keys = keys.filter((each) => each !== key); list(); });
    item.append(name, remove);
    return item;
  }));
  byId("signup-submit-btn").disabled = keys.length === 0;
};

const enrol = async () => {
  const name = byId("authenticator-friendly-name").value.trim();
  if (!name) { throw new Error("Give the security key a name first."); }
  const { data } = await send("/signup/challenge", { friendly_name: name, ceremony_id: ceremony });
  ceremony = data.ceremony_id;
  const made = await created(data, name);
  const enrolled = await send("/signup/attestation", { ceremony_id: ceremony, ...made });
  const known = new Set([made.credential_id, ...keys.map((key) => key.credential_id)]);
  keys = enrolled.data.authenticators.filter((key) => known.has(key.credential_id));
  byId("authenticator-friendly-name").value = "";
  list();
};

const submit = async () => {
  const made = await send("/signup", {
    ceremony_id: ceremony, name: byId("tenant-name-input").value, slug: byId("tenant-slug-input").value,
    email: byId("tenant-email-input").value, authenticators: keys.map((key) => key.credential_id)
  });
  byId("signup-raw-key").textContent = made.api_key.raw_key;
  byId("signup-tenant-id").textContent = made.tenant.id;
  byId("signup-onboarding").href = `/tenants/${made.tenant.id}/onboarding`;
  byId("signup-form").hidden = true;
  byId("signup-done").hidden = false;
};

const told = (action) => async (event) => {
  event.preventDefault();
  show("signup-error", "");
  try { await action(); } catch (error) { show("signup-error", error.message || error.name); }
};

// The slug follows the name until it is written by hand.
const name = byId("tenant-name-input"), slug = byId("tenant-slug-input");
let own = false;
slug.addEventListener("input", () => { own = slug.value !== ""; });
name.addEventListener("input", () => {
  const letters = name.value.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-");
  if (!own) { slug.value = letters.replace(/^-+|-+$/g, "").slice(0, 63); }
});
byId("enroll-authenticator-btn").addEventListener("click", told(enrol));
byId("signup-copy-btn").hidden = !navigator.clipboard;
byId("signup-copy-btn").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("signup-raw-key").textContent);
  byId("signup-copy-btn").textContent = "Copied";
});
byId("signup-form").addEventListener("submit", told(submit));
leadToName("signup-wrong-address", "signup-right-address");
