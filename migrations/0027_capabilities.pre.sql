-- Capabilities: of each story the newest of each kind, and what they are signed with.

CREATE TABLE app.capability (
    tenant_id         uuid        NOT NULL,
    slot_id           uuid        NOT NULL,
    cap_id            uuid        NOT NULL,
    typ               text        NOT NULL
                                  CHECK (typ IN ('start_cap', 'report_cap', 'review_complete_cap', 'verify_cap')),
    story_id          uuid        NOT NULL,
    lineage           uuid[]      NOT NULL CHECK (cardinality(lineage) > 0),
    issued_at         timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    nonce             text        NOT NULL,
    minted_position   bigint      NOT NULL,
    consumed_position bigint,
    position          bigint      NOT NULL,
    PRIMARY KEY (tenant_id, slot_id)
);
CREATE INDEX capability_story ON app.capability (tenant_id, story_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.capability TO loopctl_app;
GRANT SELECT ON app.capability TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.capability');

-- Keys of a tenant that sign no heads: of capabilities, and what draws of verifiers are made from. The log's own key never
-- signs anything else. The secret is encrypted under the tenant's key, as that of app.log_key is.
CREATE TABLE app.purpose_key (
    tenant_id  uuid        NOT NULL,
    purpose    text        NOT NULL CHECK (purpose IN ('capability', 'draw')),
    kid        text        NOT NULL CHECK (kid ~ '^[0-9a-f]{16}$'),
    secret     bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, purpose)
);
GRANT SELECT, INSERT ON app.purpose_key TO loopctl_app;
CALL app.secure_tenant_table('app.purpose_key', true);
