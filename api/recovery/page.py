"""The page of a recovery: whoever was given its link, whoever wants to cancel it, and the superadmins who open it."""

HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>loopctl - recovery</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/signup/page.css">
</head>
<body>
<main>
<h1>Recovery of a tenant</h1>
<p id="recovery-error" role="alert" hidden></p>
<p id="recovery-done" hidden></p>
<section id="recovery-use" hidden>
<h2>Enrol a new security key</h2>
<p>The old security keys and user keys of the tenant have ended. This link is good once.</p>
<label>Name of the key <input id="recovery-key-name" maxlength="120" placeholder="Primary authenticator"></label>
<button type="button" id="recovery-use-btn">Enrol, and get a user key</button>
<p>The user key is shown here once and stored nowhere: <code id="recovery-raw-key"></code></p>
</section>
<section>
<h2>Cancel a recovery</h2>
<p>Any security key of the tenant is enough.</p>
<label>Tenant <input id="recovery-cancel-tenant" placeholder="its id"></label>
<button type="button" id="recovery-cancel-btn">Cancel with a security key</button>
</section>
<section>
<h2>For superadmins</h2>
<label>API key <input id="recovery-api-key" type="password" autocomplete="off"></label>
<button type="button" id="recovery-enrol-btn">Enrol my security key</button>
<label>Tenant <input id="recovery-tenant" placeholder="its id"></label>
<label>Reason <input id="recovery-reason" maxlength="1000"></label>
<button type="button" id="recovery-open-btn">Open it, or agree to it</button>
<button type="button" id="recovery-complete-btn">Complete it</button>
<p>The link, shown here once: <code id="recovery-link"></code></p>
</section>
<noscript>This page speaks to a security key, which needs JavaScript.</noscript>
</main>
<script src="/recovery/page.js"></script>
</body>
</html>
"""

SCRIPT = """"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  const value = (id) => byId(id).value.trim();
  const link = location.hash.slice(1);

  const toBytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
  const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");

  function show(id, text) {
    byId(id).textContent = text;
    byId(id).hidden = !text;
  }

  async function ask(path, body, key) {
    const headers = { "Content-Type": "application/json" };
    if (key) { headers.Authorization = "Bearer " + key; }
    const answer = await fetch(path, { method: "POST", headers: headers, body: JSON.stringify(body) });
    const said = await answer.json();
    if (answer.ok) { return said.data; }
    const details = Object.entries(said.error.details || {}).map(([field, texts]) => field + " " + texts.join(", "));
    throw new Error(details.length ? details.join("; ") : said.error.message);
  }

  async function created(data) {
    const made = await navigator.credentials.create({ publicKey: {
      challenge: toBytes(data.challenge),
      rp: { id: data.rp_id, name: data.rp_name },
      user: {
        id: crypto.getRandomValues(new Uint8Array(16)), name: data.friendly_name, displayName: data.friendly_name
      },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg: alg })),
      excludeCredentials: data.exclude_credentials.map((id) => ({ type: "public-key", id: toBytes(id) })),
      authenticatorSelection: { residentKey: "preferred", userVerification: data.user_verification },
      attestation: "direct", timeout: 60000
    } });
    return {
      credential_id: toText(made.rawId), attestation_object: toText(made.response.attestationObject),
      client_data_json: toText(made.response.clientDataJSON)
    };
  }

  async function touched(data) {
    const made = await navigator.credentials.get({ publicKey: {
      challenge: toBytes(data.challenge), rpId: data.rp_id, userVerification: data.user_verification, timeout: 60000,
      allowCredentials: data.allow_credentials.map((key) => ({ type: "public-key", id: toBytes(key.id) }))
    } });
    return {
      credential_id: toText(made.rawId), authenticator_data: toText(made.response.authenticatorData),
      client_data_json: toText(made.response.clientDataJSON), signature: toText(made.response.signature)
    };
  }

  async function use() {
    const data = await ask("/recovery/challenge", { link: link, friendly_name: value("recovery-key-name") });
    const made = await ask("/recovery", Object.assign({ link: link }, await created(data)));
    byId("recovery-raw-key").textContent = made.api_key.raw_key;
    return "The security key is enrolled. Keep the user key now.";
  }

  async function cancel() {
    const path = "/recovery/" + encodeURIComponent(value("recovery-cancel-tenant")) + "/cancel";
    await ask(path, await touched(await ask(path + "/challenge", {})));
    return "The recovery is cancelled.";
  }

  async function enrol() {
    const path = "/api/v1/admin/authenticators", key = value("recovery-api-key");
    const data = await ask(path + "/challenge", { friendly_name: "Superadmin" }, key);
    await ask(path, await created(data), key);
    return "Your security key is enrolled.";
  }

  async function step(name, body) {
    const path = "/api/v1/admin/tenants/" + encodeURIComponent(value("recovery-tenant")) + "/recovery";
    const key = value("recovery-api-key"), wish = { method: "POST", path: path + name, body: body };
    const touch = await touched(await ask(path + "/challenge", wish, key));
    return ask(path + name, Object.assign({ webauthn_assertion: touch }, body), key);
  }

  async function open() {
    const made = await step("", { reason: value("recovery-reason") });
    return made.ready_at ? "It can be completed from " + made.ready_at + " on." : "Another superadmin has to agree.";
  }

  async function complete() {
    byId("recovery-link").textContent = (await step("/complete", {})).link;
    return "It is completed. Give the link to a person of the tenant, who has a day to use it.";
  }

  function told(id, action) {
    byId(id).addEventListener("click", async () => {
      show("recovery-error", "");
      show("recovery-done", "");
      try {
        show("recovery-done", await action());
      } catch (error) {
        show("recovery-error", error.message || error.name);
      }
    });
  }

  byId("recovery-use").hidden = !link;
  byId("recovery-cancel-tenant").value = link ? link.split(".")[0] : "";
  told("recovery-use-btn", use);
  told("recovery-cancel-btn", cancel);
  told("recovery-enrol-btn", enrol);
  told("recovery-open-btn", open);
  told("recovery-complete-btn", complete);
}());
"""
