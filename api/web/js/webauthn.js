// What every page that speaks to a security key needs: bytes as base64url, questions to the server, touches.
export const toBytes = (text) => Uint8Array.from(
  atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));

export const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

export const byId = (id) => document.getElementById(id);

// Throws with the sentence that the server has said. A key is for superadmins, who have no session.
export const send = async (path, body, key) => {
  const headers = { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  return said(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
};

export const read = async (path) => said(await fetch(path));

const said = async (answer) => {
  const body = await answer.json();
  if (answer.ok) { return body; }
  const details = Object.entries(body.error.details || {}).map(([field, texts]) => `${field} ${texts.join(", ")}`);
  throw new Error(details.length ? details.join("; ") : body.error.message);
};

// A new key; data is what the server has answered to the wish.
export const created = async (data, name) => {
  if (!window.PublicKeyCredential) { throw new Error("This browser knows no security keys (webauthn_unsupported)."); }
  const made = await navigator.credentials.create({ publicKey: {
    challenge: toBytes(data.challenge),
    rp: { id: data.rp_id, name: data.rp_name },
    user: { id: crypto.getRandomValues(new Uint8Array(16)), name, displayName: name },
    pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
    excludeCredentials: data.exclude_credentials.map((id) => ({ type: "public-key", id: toBytes(id) })),
    authenticatorSelection: { residentKey: "preferred", userVerification: data.user_verification },
    attestation: "direct", timeout: 60000
  } });
  if (!made) { throw new Error("The browser returned no credential (no_credential)."); }
  return {
    credential_id: toText(made.rawId), attestation_object: toText(made.response.attestationObject),
    client_data_json: toText(made.response.clientDataJSON)
  };
};

// A touch of a known key, or of whichever this device offers when none are named.
export const touched = async (data) => {
  const made = await navigator.credentials.get({ publicKey: {
    challenge: toBytes(data.challenge), rpId: data.rp_id, timeout: 60000,
    userVerification: data.user_verification || "required",
    allowCredentials: (data.allow_credentials || []).map((key) => ({ type: "public-key", id: toBytes(key.id) }))
  } });
  if (!made) { throw new Error("The browser returned no credential (no_credential)."); }
  return {
    credential_id: toText(made.rawId), authenticator_data: toText(made.response.authenticatorData),
    client_data_json: toText(made.response.clientDataJSON), signature: toText(made.response.signature)
  };
};

export const show = (id, text) => {
  byId(id).textContent = text;
  byId(id).hidden = !text;
};

// Browsers let security keys work under names alone, and this machine's own is localhost.
export const leadToName = (warning, link) => {
  if (!/^(127\.|\[)/.test(location.hostname)) { return false; }
  byId(link).href = location.href.replace(location.hostname, "localhost");
  byId(warning).hidden = false;
  return true;
};
