"""The page on which a person makes a tenant with a security key: no inline script, nothing fetched from elsewhere."""

HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>loopctl - sign up</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/signup/page.css">
</head>
<body>
<main id="webauthn-hook">
<h1>Make a tenant</h1>
<p>A tenant begins with a security key: a USB key, or the fingerprint, face or PIN of this device. It is touched again
for whatever destroys work or weakens its custody. Enrol two, if you can: the last one cannot be removed.</p>
<p id="signup-wrong-address" hidden>Security keys do not work under this address. Open
<a id="signup-right-address" href="">this one</a> instead.</p>
<form id="signup-form">
<label>Name <input id="tenant-name-input" name="name" maxlength="120" required autocomplete="organization"></label>
<label>Slug <input id="tenant-slug-input" name="slug" minlength="2" maxlength="63" required
 placeholder="small letters, digits and -"></label>
<label>E-mail <input id="tenant-email-input" name="email" type="email" required autocomplete="email"></label>
<fieldset>
<legend data-icon="hero-key">Security keys</legend>
<label>Name of the key <input id="authenticator-friendly-name" maxlength="120" placeholder="Primary authenticator">
</label>
<button type="button" id="enroll-authenticator-btn">Enrol</button>
<ul id="enrolled-authenticators"></ul>
</fieldset>
<p id="signup-error" role="alert" hidden></p>
<button id="signup-submit-btn" disabled>Make the tenant</button>
</form>
<section id="signup-done" hidden>
<h2>The tenant is made</h2>
<p>This is its first API key. It is shown here once and stored nowhere: keep it now.</p>
<p><code id="signup-raw-key"></code></p>
<p>Tenant <code id="signup-tenant-id"></code>. Next: <code>loopctl auth login</code> with this key, or a first
project with <code>POST /api/v1/projects</code>.</p>
</section>
<noscript>This page speaks to a security key, which needs JavaScript.</noscript>
</main>
<script src="/signup/page.js"></script>
</body>
</html>
"""

STYLE = """body { background: #0b0e14; color: #b4b8c7; font: 14px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 34rem; margin: 3rem auto; padding: 0 1rem; }
h1, h2 { color: #e8eaf0; }
label { display: block; margin: .75rem 0; }
input { display: block; width: 100%; box-sizing: border-box; padding: .5rem; background: #1e2028; color: #e8eaf0;
  border: 1px solid #3d4150; border-radius: 6px; font: inherit; }
fieldset { border: 1px solid #2a2d36; border-radius: 6px; margin: 1rem 0; }
button { padding: .5rem 1rem; background: #3451a1; color: #f4f5f7; border: 0; border-radius: 6px; font: inherit; }
button:disabled { background: #3d4150; }
a { color: #5b7de6; }
code { font-family: ui-monospace, monospace; color: #e8eaf0; overflow-wrap: anywhere; }
[role=alert] { background: #450a0a; color: #fca5a5; padding: .5rem; border-radius: 6px; }
"""

SCRIPT = """"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  let ceremony = null;
  let keys = [];

  const toBytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
  const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");

  function complain(text) {
    byId("signup-error").textContent = text;
    byId("signup-error").hidden = !text;
  }

  async function ask(path, body) {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body)
    });
    const said = await answer.json();
    if (answer.ok) { return said; }
    const details = Object.entries(said.error.details || {}).map(([field, texts]) => field + " " + texts.join(", "));
    throw new Error(details.length ? details.join("; ") : said.error.message);
  }

  function show() {
    byId("enrolled-authenticators").replaceChildren(...keys.map((key, place) => {
      const item = document.createElement("li");
      item.id = "authenticator-" + place;
      item.append(key.friendly_name + " (" + key.attestation_format + (key.synced ? ", synced" : "") + ") ");
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = "Remove";
      remove.addEventListener("click", () => { keys = keys.filter((each) => each !== key); show(); });
      item.append(remove);
      return item;
    }));
    byId("signup-submit-btn").disabled = keys.length === 0;
  }

  async function enrol() {
    const name = byId("authenticator-friendly-name").value.trim();
    if (!name) { throw new Error("Give the security key a name first."); }
    if (!window.PublicKeyCredential) { throw new Error("This browser knows no security keys (webauthn_unsupported)."); }
    const { data } = await ask("/signup/challenge", { friendly_name: name, ceremony_id: ceremony });
    ceremony = data.ceremony_id;
    const made = await navigator.credentials.create({ publicKey: {
      challenge: toBytes(data.challenge),
      rp: { id: data.rp_id, name: data.rp_name },
      user: { id: crypto.getRandomValues(new Uint8Array(16)), name: name, displayName: name },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg: alg })),
      excludeCredentials: data.exclude_credentials.map((id) => ({ type: "public-key", id: toBytes(id) })),
      authenticatorSelection: { residentKey: "preferred", userVerification: data.user_verification },
      attestation: "direct", timeout: 60000
    } });
    if (!made) { throw new Error("The browser returned no credential (no_credential)."); }
    const enrolled = await ask("/signup/attestation", {
      ceremony_id: ceremony, credential_id: toText(made.rawId),
      attestation_object: toText(made.response.attestationObject),
      client_data_json: toText(made.response.clientDataJSON)
    });
    const known = new Set(keys.map((key) => key.credential_id));
    const fresh = toText(made.rawId);
    keys = enrolled.data.authenticators.filter((key) => known.has(key.credential_id) || key.credential_id === fresh);
    byId("authenticator-friendly-name").value = "";
    show();
  }

  async function submit() {
    const made = await ask("/signup", {
      ceremony_id: ceremony, name: byId("tenant-name-input").value, slug: byId("tenant-slug-input").value,
      email: byId("tenant-email-input").value, authenticators: keys.map((key) => key.credential_id)
    });
    byId("signup-raw-key").textContent = made.api_key.raw_key;
    byId("signup-tenant-id").textContent = made.tenant.id;
    byId("signup-form").hidden = true;
    byId("signup-done").hidden = false;
  }

  function told(action) {
    return async (event) => {
      event.preventDefault();
      complain("");
      try { await action(); } catch (error) { complain(error.message || error.name); }
    };
  }

  byId("enroll-authenticator-btn").addEventListener("click", told(enrol));
  byId("signup-form").addEventListener("submit", told(submit));
  if (/^(127\\.|\\[)/.test(location.hostname)) {
    byId("signup-right-address").href = location.href.replace(location.hostname, "localhost");
    byId("signup-wrong-address").hidden = false;
  }
}());
"""
