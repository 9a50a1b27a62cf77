// One request of the command line, confirmed with a security key.
import { byId, read, send, show, touched } from "./webauthn.js";

const id = location.pathname.split("/").pop();
let data = null;

const look = async () => {
  ({ data } = await read(`/ceremonies/${id}/operation`));
  byId("ceremony-key").textContent = data.key_name;
  byId("ceremony-operation").textContent = data.operation;
  byId("ceremony-request").textContent = `${data.method} ${data.path}`;
  byId("ceremony-body").textContent = JSON.stringify(data.body, null, 2);
  byId("ceremony-code").textContent = data.user_code;
  byId("ceremony-confirm-btn").disabled = data.status !== "pending";
  if (data.status !== "pending") { show("ceremony-error", `This request is ${data.status}: begin again.`); }
};

const confirm = async () => {
  await send(`/api/v1/ceremonies/${id}/assertion`, await touched(data));
  byId("ceremony-confirm-btn").disabled = true;
  byId("ceremony-done").hidden = false;
};

const told = (action) => async () => {
  show("ceremony-error", "");
  try { await action(); } catch (error) { show("ceremony-error", error.message || error.name); }
};

byId("ceremony-confirm-btn").addEventListener("click", told(confirm));
told(look)();
