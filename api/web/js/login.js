// Signing in with a security key that knows who touches it.
import { byId, leadToName, send, show, touched } from "./webauthn.js";

const button = byId("login-security-key-btn");
const place = byId("login-with-security-key").dataset.next;

const signIn = async () => {
  const { data } = await send("/login/challenge", {});
  const done = await send("/login/passkey", { ...await touched(data), login_id: data.login_id, next: place });
  location.assign(done.data.next);
};

button.addEventListener("click", async () => {
  show("login-error", "");
  button.disabled = true;
  try { await signIn(); } catch (error) { show("login-error", error.message || error.name); }
  button.disabled = false;
});

if (!leadToName("login-wrong-address", "login-right-address")) {
  if (window.PublicKeyCredential) {
    button.disabled = false;
  } else {
    show("login-error", "This browser knows no security keys (webauthn_unsupported).");
  }
}

// A link from another site brings no cookie along, so whoever is signed in already is sent on from here.
const sendOn = async () => {
  const answer = await fetch("/app", { method: "HEAD", redirect: "manual", headers: { Accept: "text/html" } });
  if (answer.ok) { location.replace(place); }
};
if (byId("login-error").hidden) { sendOn(); }
