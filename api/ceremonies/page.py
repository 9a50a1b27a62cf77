"""The page on which a person confirms one request with a security key."""

HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>loopctl - confirm</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/signup/page.css">
</head>
<body>
<main>
<h1>Confirm with a security key</h1>
<p>Somebody asks to do this with the API key <code id="ceremony-key"></code>:</p>
<h2 id="ceremony-operation"></h2>
<p><code id="ceremony-request"></code></p>
<pre><code id="ceremony-body"></code></pre>
<p>Does the command show the code <strong id="ceremony-code"></strong>? If it does not, or you have asked for nothing,
close this page.</p>
<p id="ceremony-error" role="alert" hidden></p>
<button id="ceremony-confirm-btn" disabled>Confirm with a security key</button>
<p id="ceremony-done" hidden>Confirmed. This page can be closed.</p>
<noscript>This page speaks to a security key, which needs JavaScript.</noscript>
</main>
<script src="/signup/ceremony.js"></script>
</body>
</html>
"""

SCRIPT = """"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  const id = location.pathname.split("/").pop();
  let data = null;

  const toBytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
  const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");

  function complain(text) {
    byId("ceremony-error").textContent = text;
    byId("ceremony-error").hidden = !text;
  }

  async function ask(path, sent) {
    const answer = await fetch(path, sent);
    const said = await answer.json();
    if (!answer.ok) { throw new Error(said.error.message); }
    return said.data;
  }

  async function show() {
    data = await ask("/ceremonies/" + id + "/operation");
    byId("ceremony-key").textContent = data.key_name;
    byId("ceremony-operation").textContent = data.operation;
    byId("ceremony-request").textContent = data.method + " " + data.path;
    byId("ceremony-body").textContent = JSON.stringify(data.body, null, 2);
    byId("ceremony-code").textContent = data.user_code;
    byId("ceremony-confirm-btn").disabled = data.status !== "pending";
    if (data.status !== "pending") { complain("This request is " + data.status + ": begin again."); }
  }

  async function confirm() {
    const made = await navigator.credentials.get({ publicKey: {
      challenge: toBytes(data.challenge), rpId: data.rp_id, userVerification: data.user_verification, timeout: 60000,
      allowCredentials: data.allow_credentials.map((key) => ({ type: "public-key", id: toBytes(key.id) }))
    } });
    await ask("/api/v1/ceremonies/" + id + "/assertion", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({
        credential_id: toText(made.rawId), authenticator_data: toText(made.response.authenticatorData),
        client_data_json: toText(made.response.clientDataJSON), signature: toText(made.response.signature)
      })
    });
    byId("ceremony-confirm-btn").disabled = true;
    byId("ceremony-done").hidden = false;
  }

  function told(action) {
    return async () => {
      complain("");
      try { await action(); } catch (error) { complain(error.message || error.name); }
    };
  }

  byId("ceremony-confirm-btn").addEventListener("click", told(confirm));
  told(show)();
}());
"""
