-- Security keys (WebAuthn): what a person touches, and the challenges that it is touched for (spec 06, section 4.5).

CREATE TABLE app.authenticator (
    tenant_id          uuid        NOT NULL,
    authenticator_id   uuid        NOT NULL,
    name               text        NOT NULL,
    credential_id      text        NOT NULL,
    public_key         text        NOT NULL,
    attestation_format text        NOT NULL,
    aaguid             text        NOT NULL,
    sign_count         bigint      NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    backup_eligible    boolean     NOT NULL,
    backed_up          boolean     NOT NULL,
    suspected_at       timestamptz,
    created_at         timestamptz NOT NULL,
    last_used_at       timestamptz,
    position           bigint      NOT NULL,
    PRIMARY KEY (tenant_id, authenticator_id)
);
COMMENT ON COLUMN app.authenticator.suspected_at IS 'when its counter went back, as that of a copy does';
-- One credential, one tenant.
CREATE UNIQUE INDEX authenticator_credential ON app.authenticator (credential_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.authenticator TO loopctl_app;
GRANT SELECT ON app.authenticator TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.authenticator', true);

-- A signup has the id of the tenant that it may become. ``outcome`` is what the browser brought back, once it was found
-- good, as JSON; ``subject`` what the challenge is for, as JSON.
CREATE TABLE app.webauthn_challenge (
    tenant_id    uuid        NOT NULL,
    challenge_id uuid        NOT NULL,
    purpose      text        NOT NULL CHECK (purpose IN ('signup', 'enrolment', 'operation', 'ceremony')),
    challenge    bytea       NOT NULL CHECK (length(challenge) = 32),
    nonce        bytea       NOT NULL CHECK (length(nonce) = 32),
    subject      text        NOT NULL,
    outcome      text,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    PRIMARY KEY (tenant_id, challenge_id)
);
CREATE INDEX webauthn_challenge_expires ON app.webauthn_challenge (expires_at);
CREATE INDEX webauthn_challenge_id ON app.webauthn_challenge (challenge_id);
GRANT SELECT, INSERT, DELETE ON app.webauthn_challenge TO loopctl_app;
GRANT UPDATE (outcome, used_at) ON app.webauthn_challenge TO loopctl_app;
CALL app.secure_tenant_table('app.webauthn_challenge', true);
CALL app.open_to_lookups('app.webauthn_challenge');
GRANT SELECT (tenant_id, challenge_id, purpose, expires_at) ON app.webauthn_challenge TO loopctl_fn;

-- Whose a ceremony is: a browser that was sent to it knows nothing but its id.
CREATE FUNCTION app.find_ceremony(wanted uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT tenant_id FROM app.webauthn_challenge WHERE challenge_id = wanted AND purpose = 'ceremony'
$$;
GRANT EXECUTE ON FUNCTION app.find_ceremony TO loopctl_app;

-- Tenants and drafts of tenants that have challenges from before a moment, to be cleared one by one.
CREATE FUNCTION app.find_stale_challenges(before timestamptz, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT tenant_id FROM app.webauthn_challenge WHERE expires_at < before ORDER BY expires_at LIMIT least(most, 100)
$$;
GRANT EXECUTE ON FUNCTION app.find_stale_challenges TO loopctl_app;

-- How often an address, known by its hash alone, has asked for something that needs no key.
CREATE TABLE app.unknown_caller (
    source bytea         PRIMARY KEY CHECK (length(source) = 32),
    asked  timestamptz[] NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.unknown_caller TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.find_ceremony OWNER TO loopctl_fn;
ALTER FUNCTION app.find_stale_challenges OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
