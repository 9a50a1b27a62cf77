// A recovery: its link is used, it is cancelled, or superadmins open it.
import { byId, created, send, show, touched } from "./webauthn.js";

const value = (id) => byId(id).value.trim();
const link = location.hash.slice(1);

const ask = async (path, body, key) => (await send(path, body, key)).data;

const use = async () => {
  const data = await ask("/recovery/challenge", { link, friendly_name: value("recovery-key-name") });
  const made = await ask("/recovery", { link, ...await created(data, data.friendly_name) });
  byId("recovery-raw-key").textContent = made.api_key.raw_key;
  return "The security key is enrolled. Keep the user key now.";
};

const cancel = async () => {
  const path = `/recovery/${encodeURIComponent(value("recovery-cancel-tenant"))}/cancel`;
  await ask(path, await touched(await ask(`${path}/challenge`, {})));
  return "The recovery is cancelled.";
};

const enrol = async () => {
  const path = "/api/v1/admin/authenticators", key = value("recovery-api-key");
  const data = await ask(`${path}/challenge`, { friendly_name: "Superadmin" }, key);
  await ask(path, await created(data, data.friendly_name), key);
  return "Your security key is enrolled.";
};

const step = async (name, body) => {
  const path = `/api/v1/admin/tenants/${encodeURIComponent(value("recovery-tenant"))}/recovery`;
  const key = value("recovery-api-key"), wish = { method: "POST", path: path + name, body };
  const touch = await touched(await ask(`${path}/challenge`, wish, key));
  return ask(path + name, { webauthn_assertion: touch, ...body }, key);
};

const open = async () => {
  const made = await step("", { reason: value("recovery-reason") });
  return made.ready_at ? `It can be completed from ${made.ready_at} on.` : "Another superadmin has to agree.";
};

const complete = async () => {
  byId("recovery-link").textContent = (await step("/complete", {})).link;
  byId("recovery-link-shown").hidden = false;
  return "It is completed. Give the link to a person of the tenant, who has a day to use it.";
};

const told = (id, action) => {
  byId(id).addEventListener("click", async () => {
    show("recovery-error", "");
    show("recovery-done", "");
    try {
      show("recovery-done", await action());
    } catch (error) {
      show("recovery-error", error.message || error.name);
    }
  });
};

byId("recovery-use").hidden = !link;
byId("recovery-cancel-tenant").value = link ? link.split(".")[0] : "";
told("recovery-use-btn", use);
told("recovery-cancel-btn", cancel);
told("recovery-enrol-btn", enrol);
told("recovery-open-btn", open);
told("recovery-complete-btn", complete);
