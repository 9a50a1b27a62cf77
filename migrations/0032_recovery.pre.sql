-- The newest recovery of a tenant whose security keys are lost; and the security keys of superadmins, who have to touch one.

CREATE TABLE app.recovery (
    tenant_id        uuid        NOT NULL,
    recovery_id      uuid        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('opened', 'waiting', 'cancelled', 'completed', 'used')),
    reason           text        NOT NULL,
    opened_by        text        NOT NULL,
    opened_by_name   text        NOT NULL,
    opened_at        timestamptz NOT NULL,
    seconded_by_name text,
    ready_at         timestamptz,
    ended_at         timestamptz,
    link_hash        text,
    link_expires_at  timestamptz,
    position         bigint      NOT NULL,
    PRIMARY KEY (tenant_id, recovery_id),
    CONSTRAINT recovery_waits CHECK (status NOT IN ('waiting', 'completed', 'used') OR ready_at >= opened_at + interval '72 hours')
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.recovery TO loopctl_app;
GRANT SELECT ON app.recovery TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.recovery');

-- One for each superadmin's API key: to replace it, the operator makes another API key.
CREATE TABLE app.superadmin_authenticator (
    key_id             uuid        PRIMARY KEY REFERENCES app.superadmin_key,
    name               text        NOT NULL,
    credential_id      text        NOT NULL UNIQUE,
    public_key         text        NOT NULL,
    attestation_format text        NOT NULL,
    aaguid             text        NOT NULL,
    sign_count         bigint      NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    backup_eligible    boolean     NOT NULL,
    backed_up          boolean     NOT NULL,
    suspected_at       timestamptz,
    created_at         timestamptz NOT NULL,
    last_used_at       timestamptz
);
GRANT SELECT, INSERT ON app.superadmin_authenticator TO loopctl_app;
GRANT UPDATE (sign_count, backed_up, suspected_at, last_used_at) ON app.superadmin_authenticator TO loopctl_app;
