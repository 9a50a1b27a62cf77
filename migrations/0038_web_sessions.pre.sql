-- Sessions of people in a browser (spec 06, section 6.8): of a security key that was touched, or of an API key that was
-- shown once. Of the cookie there is only a hash.
CREATE TABLE app.web_session (
    tenant_id        uuid        NOT NULL,
    session_id       uuid        NOT NULL,
    token_hash       bytea       NOT NULL CHECK (length(token_hash) = 32),
    authenticator_id uuid,
    sign_count       bigint      NOT NULL DEFAULT 0,
    key_id           uuid,
    browser          text        NOT NULL CHECK (length(browser) <= 255),
    created_at       timestamptz NOT NULL,
    seen_at          timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, session_id),
    CONSTRAINT web_session_of_one CHECK ((authenticator_id IS NULL) <> (key_id IS NULL)),
    CONSTRAINT web_session_ends CHECK (expires_at <= created_at + interval '12 hours')
);
COMMENT ON COLUMN app.web_session.sign_count IS 'of the security key, as it was touched: the next touch must be later';
CREATE UNIQUE INDEX web_session_token ON app.web_session (tenant_id, token_hash);
GRANT SELECT, INSERT, DELETE ON app.web_session TO loopctl_app;
GRANT UPDATE (seen_at) ON app.web_session TO loopctl_app;
CALL app.secure_tenant_table('app.web_session', true);

ALTER TABLE app.webauthn_challenge DROP CONSTRAINT webauthn_challenge_purpose_check;
ALTER TABLE app.webauthn_challenge ADD CONSTRAINT webauthn_challenge_purpose_check
    CHECK (purpose IN ('signup', 'enrolment', 'operation', 'ceremony', 'login'));

-- Whose a security key is: a browser that signs in with one knows nothing but the credential.
CALL app.open_to_lookups('app.authenticator');
GRANT SELECT (tenant_id, credential_id) ON app.authenticator TO loopctl_fn;
CREATE FUNCTION app.find_credential(wanted text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT tenant_id FROM app.authenticator WHERE credential_id = wanted
$$;
GRANT EXECUTE ON FUNCTION app.find_credential TO loopctl_app;
GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.find_credential OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
