-- Agents sign the heads that they have seen, each with a key of its own (docs/custody.md).
ALTER TABLE app.agent ADD COLUMN cosigner text;
CREATE UNIQUE INDEX agent_cosigner ON app.agent (tenant_id, substring(cosigner FROM '[^+]*[+][^+]*[+](.*)'));

-- One line for each agent under a head. It stays what it was when the agent gets another key.
CREATE TABLE app.log_cosignature (
    tenant_id   uuid        NOT NULL,
    size        bigint      NOT NULL,
    agent_id    uuid        NOT NULL,
    vkey        text        NOT NULL CHECK (length(vkey) <= 400),
    signature   bytea       NOT NULL CHECK (length(signature) = 72),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, size, agent_id)
);
GRANT SELECT, INSERT ON app.log_cosignature TO loopctl_app;
GRANT SELECT ON app.log_cosignature TO loopctl_audit_ro;
CALL app.secure_tenant_table('app.log_cosignature');
CALL app.make_append_only('app.log_cosignature');
