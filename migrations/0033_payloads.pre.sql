-- Texts that can be erased. The log has a commitment to each; here are the text itself and the salt of the commitment.
CREATE TABLE app.payload (
    tenant_id uuid   NOT NULL,
    position  bigint NOT NULL CHECK (position >= 0),
    salt      bytea  NOT NULL CHECK (length(salt) = 16),
    payload   bytea  NOT NULL,
    PRIMARY KEY (tenant_id, position)
);
GRANT SELECT, INSERT, DELETE ON app.payload TO loopctl_app;
GRANT SELECT ON app.payload TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.payload', true);

-- An answer that was kept with an erased text is kept without its body: the command is not carried out again.
GRANT UPDATE (body) ON app.idempotency TO loopctl_app;
