-- The tenant log (spec 05, section 4): its head, its entries, the captured upper tiles, the published heads, the keys;
-- and the one function that writes it.

-- Who there is ----------------------------------------------------------------------------------------------------------

CREATE TABLE app.tenant (
    tenant_id     uuid        PRIMARY KEY,
    slug          text        NOT NULL,
    name          text        NOT NULL,
    status        text        NOT NULL CHECK (status IN ('active', 'suspended', 'deactivated', 'pending_enrollment')),
    root_of_trust text        NOT NULL CHECK (root_of_trust IN ('operator', 'webauthn')),
    created_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX tenant_slug ON app.tenant (slug);
GRANT SELECT, INSERT, UPDATE ON app.tenant TO loopctl_app;
GRANT SELECT ON app.tenant TO loopctl_worker, loopctl_audit_ro, loopctl_fn;
CALL app.secure_tenant_table('app.tenant');
CALL app.open_to_lookups('app.tenant');

-- Personal, so not in the log, which never forgets: here it can be changed and erased.
CREATE TABLE app.tenant_contact (
    tenant_id uuid PRIMARY KEY,
    email     text NOT NULL CHECK (length(email) BETWEEN 3 AND 255)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.tenant_contact TO loopctl_app;
CALL app.secure_tenant_table('app.tenant_contact');

-- The log ---------------------------------------------------------------------------------------------------------------

-- The serialisation point of a tenant: whoever appends holds this row. Room for updates in place, so that a busy head
-- does not leave its page.
CREATE TABLE app.log_head (
    tenant_id uuid   PRIMARY KEY,
    size      bigint NOT NULL CHECK (size >= 0),
    last_leaf bytea  NOT NULL CHECK (length(last_leaf) = 32),
    frontier  bytea  NOT NULL CHECK (length(frontier) = 32 * bit_count(size::bit(64)))
) WITH (fillfactor = 20);
GRANT SELECT ON app.log_head TO loopctl_app, loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.log_head', true);

CREATE TABLE app.log_entry (
    tenant_id      uuid    NOT NULL,
    position       bigint  NOT NULL CHECK (position >= 0),
    stream_version integer NOT NULL CHECK (stream_version >= 0),
    stream_id      uuid    NOT NULL,
    leaf_hash      bytea   NOT NULL CHECK (length(leaf_hash) = 32),
    entry          bytea   NOT NULL CHECK (length(entry) <= 65535),
    PRIMARY KEY (tenant_id, position)
);
-- An entity's events in order, and at most one of each number.
CREATE UNIQUE INDEX log_entry_stream ON app.log_entry (tenant_id, stream_id, stream_version);
-- Entries are hashed and exported as they are; compressing them would cost every reader and save little.
ALTER TABLE app.log_entry ALTER COLUMN entry SET STORAGE EXTERNAL;
GRANT SELECT ON app.log_entry TO loopctl_app, loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.log_entry', true);
CALL app.make_append_only('app.log_entry');

-- Tiles of level 1 and up, growing at their end. Level 0 is the leaf hashes themselves.
CREATE TABLE app.log_tile (
    tenant_id uuid     NOT NULL,
    level     smallint NOT NULL CHECK (level BETWEEN 1 AND 7),
    index     bigint   NOT NULL CHECK (index >= 0),
    data      bytea    NOT NULL CHECK (length(data) BETWEEN 32 AND 8192 AND length(data) % 32 = 0),
    PRIMARY KEY (tenant_id, level, index)
);
-- Hashes do not compress, and a proof needs a few of them out of the middle.
ALTER TABLE app.log_tile ALTER COLUMN data SET STORAGE EXTERNAL;
GRANT SELECT ON app.log_tile TO loopctl_app, loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.log_tile', true);

-- Signed heads, byte for byte as published. The primary key is what makes two roots for one size impossible.
CREATE TABLE app.log_checkpoint (
    tenant_id uuid        NOT NULL,
    size      bigint      NOT NULL CHECK (size >= 0),
    root      bytea       NOT NULL CHECK (length(root) = 32),
    frontier  bytea       NOT NULL CHECK (length(frontier) = 32 * bit_count(size::bit(64))),
    note      bytea       NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, size)
);
GRANT SELECT, INSERT ON app.log_checkpoint TO loopctl_app, loopctl_worker;
GRANT SELECT ON app.log_checkpoint TO loopctl_audit_ro;
CALL app.secure_tenant_table('app.log_checkpoint', true);
CALL app.make_append_only('app.log_checkpoint');

-- Keys: the public half and its range for ever, the private half encrypted until it is destroyed.
CREATE TABLE app.log_key (
    tenant_id   uuid        NOT NULL,
    purpose     text        NOT NULL CHECK (purpose IN ('log', 'timestamp')),
    vkey        text        NOT NULL,
    public_key  bytea       NOT NULL CHECK (length(public_key) = 32),
    private_key bytea,
    first_size  bigint      NOT NULL CHECK (first_size >= 0),
    last_size   bigint               CHECK (last_size >= first_size),
    reason      text        NOT NULL,
    created_at  timestamptz NOT NULL,
    retired_at  timestamptz,
    PRIMARY KEY (tenant_id, purpose, vkey)
);
-- Keys follow each other: two cannot begin to count at one size.
CREATE UNIQUE INDEX log_key_first_size ON app.log_key (tenant_id, purpose, first_size);
GRANT SELECT, INSERT ON app.log_key TO loopctl_app;
GRANT UPDATE (last_size, retired_at, private_key) ON app.log_key TO loopctl_app;
GRANT SELECT ON app.log_key TO loopctl_worker;
GRANT SELECT (tenant_id, purpose, vkey, public_key, first_size, last_size, reason, created_at, retired_at)
    ON app.log_key TO loopctl_audit_ro;
CALL app.secure_tenant_table('app.log_key', true);

-- A tenant's data-encryption key, wrapped with a key-encryption key that the database never sees. The kid is its own.
CREATE TABLE app.tenant_key (
    tenant_id  uuid        PRIMARY KEY,
    kid        text        NOT NULL CHECK (kid ~ '^[0-9a-f]{8}$'),
    kek_kid    text        NOT NULL CHECK (kek_kid ~ '^[0-9a-f]{8}$'),
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL
);
GRANT SELECT, INSERT ON app.tenant_key TO loopctl_app;
GRANT UPDATE (kek_kid, wrapped) ON app.tenant_key TO loopctl_app, loopctl_worker;
GRANT SELECT ON app.tenant_key TO loopctl_worker;
CALL app.secure_tenant_table('app.tenant_key', true);

-- What is written in an event's transaction ----------------------------------------------------------------------------

-- The answer to a command, for whoever asks again with the same key.
CREATE TABLE app.idempotency (
    tenant_id    uuid        NOT NULL,
    caller_id    uuid        NOT NULL,
    key          text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash bytea       NOT NULL CHECK (length(request_hash) = 32),
    status       smallint    NOT NULL CHECK (status BETWEEN 200 AND 499),
    body         bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, caller_id, key)
);
GRANT SELECT, DELETE ON app.idempotency TO loopctl_worker;
GRANT SELECT ON app.idempotency TO loopctl_app;
CALL app.secure_tenant_table('app.idempotency');

-- Effects that go out after the commit: the row is the truth, the message that follows only hurries it.
CREATE TABLE app.outbox (
    tenant_id   uuid        NOT NULL,
    position    bigint      NOT NULL,
    kind        text        NOT NULL,
    state       text        NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'dead')),
    next_at     timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    attempts    integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, position, kind)
);
GRANT SELECT, UPDATE, DELETE ON app.outbox TO loopctl_worker;
CALL app.secure_tenant_table('app.outbox');

-- What may be used once.
CREATE TABLE app.used_nonce (
    tenant_id uuid   NOT NULL,
    nonce     bytea  NOT NULL CHECK (length(nonce) BETWEEN 16 AND 64),
    position  bigint NOT NULL,
    PRIMARY KEY (tenant_id, nonce)
);
GRANT SELECT ON app.used_nonce TO loopctl_app;
CALL app.secure_tenant_table('app.used_nonce', true);
CALL app.make_append_only('app.used_nonce');

-- How far each reader of a tenant's log has come.
CREATE TABLE app.follower (
    tenant_id     uuid    NOT NULL,
    name          text    NOT NULL,
    next_position bigint  NOT NULL CHECK (next_position >= 0),
    PRIMARY KEY (tenant_id, name)
);
GRANT SELECT, INSERT, UPDATE ON app.follower TO loopctl_worker;
GRANT SELECT ON app.follower TO loopctl_app;
CALL app.secure_tenant_table('app.follower');

-- The first read models -------------------------------------------------------------------------------------------------

CREATE TABLE app.project (
    tenant_id   uuid        NOT NULL,
    project_id  uuid        NOT NULL,
    slug        text        NOT NULL,
    name        text        NOT NULL,
    status      text        NOT NULL CHECK (status IN ('active', 'archived')),
    repo_url    text,
    description text,
    tech_stack  text,
    mission     text,
    metadata    bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    position    bigint      NOT NULL,
    PRIMARY KEY (tenant_id, project_id)
);
CREATE UNIQUE INDEX project_slug ON app.project (tenant_id, slug);
GRANT SELECT, INSERT, UPDATE ON app.project TO loopctl_app;
GRANT SELECT ON app.project TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.project');

CREATE TABLE app.api_key (
    tenant_id  uuid        NOT NULL,
    key_id     uuid        NOT NULL,
    name       text        NOT NULL,
    role       text        NOT NULL CHECK (role IN ('agent', 'orchestrator', 'user')),
    key_prefix text        NOT NULL,
    agent_id   uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    position   bigint      NOT NULL,
    PRIMARY KEY (tenant_id, key_id)
);
GRANT SELECT, INSERT, UPDATE ON app.api_key TO loopctl_app;
GRANT SELECT ON app.api_key TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.api_key', true);

-- The hash of each key under a pepper that the database never sees. Not part of the log, and not a read model of it.
CREATE TABLE app.api_key_hash (
    tenant_id  uuid  NOT NULL,
    key_id     uuid  NOT NULL,
    pepper_kid text  NOT NULL CHECK (pepper_kid ~ '^[0-9a-f]{8}$'),
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (tenant_id, key_id)
);
CREATE UNIQUE INDEX api_key_hash_value ON app.api_key_hash (hash);
GRANT SELECT, INSERT ON app.api_key_hash TO loopctl_app;
GRANT SELECT ON app.api_key_hash TO loopctl_fn;
CALL app.secure_tenant_table('app.api_key_hash', true);
CALL app.open_to_lookups('app.api_key_hash');

-- The only way in -------------------------------------------------------------------------------------------------------

-- Appends a batch that was decided on the head of size head_size, with all that belongs to it. Checks every entry's hash
-- and link; the frontier and the tiles are derived data, checked before a head is signed. Raises LC001 when the head has
-- moved: the decisions were made on an older state and have to be made again.
CREATE FUNCTION app.append_batch(
    tenant uuid,
    head_size bigint,
    entries bytea[],
    leaf_hashes bytea[],
    stream_ids uuid[],
    stream_versions integer[],
    new_frontier bytea,
    tile_levels smallint[],
    tile_indexes bigint[],
    tile_offsets integer[],
    tile_hashes bytea[],
    outbox_positions bigint[],
    outbox_kinds text[],
    answer_callers uuid[],
    answer_keys text[],
    answer_requests bytea[],
    answer_statuses smallint[],
    answer_bodies bytea[],
    nonces bytea[],
    nonce_positions bigint[],
    at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head app.log_head;
    wrong bigint;
BEGIN
    -- A NULL would pass by the comparisons below, or leave a part of the batch out.
    IF num_nulls(
        tenant, head_size, entries, leaf_hashes, stream_ids, stream_versions, new_frontier, tile_levels, tile_indexes,
        tile_offsets, tile_hashes, outbox_positions, outbox_kinds, answer_callers, answer_keys, answer_requests,
        answer_statuses, answer_bodies, nonces, nonce_positions, at) > 0
    THEN
        RAISE EXCEPTION 'a batch has no argument that is NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;

    SELECT * INTO head FROM app.log_head AS h WHERE h.tenant_id = tenant FOR UPDATE;
    IF NOT FOUND OR head.size IS DISTINCT FROM head_size THEN
        RAISE EXCEPTION 'the head has moved' USING ERRCODE = 'LC001';
    END IF;

    IF cardinality(entries) > 0 THEN
        SELECT min(e.place) INTO wrong
          FROM (SELECT head_size + i - 1 AS place, entry, leaf, lag(leaf, 1, head.last_leaf) OVER (ORDER BY i) AS previous
                  FROM unnest(entries, leaf_hashes) WITH ORDINALITY AS given (entry, leaf, i)) AS e
         WHERE e.leaf IS DISTINCT FROM sha256('\x00'::bytea || e.entry)
            OR NOT starts_with(
                   encode(substr(e.entry, 1, 100), 'escape'),
                   '{"v":1,"seq":' || e.place || ',"prev":"' || encode(e.previous, 'base64') || '",');
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION 'entry % has another hash or link than it says', wrong USING ERRCODE = 'LC002';
        END IF;

        INSERT INTO app.log_entry (tenant_id, position, stream_version, stream_id, leaf_hash, entry)
        SELECT tenant, head_size + i - 1, version, stream, leaf, entry
          FROM unnest(entries, leaf_hashes, stream_ids, stream_versions)
               WITH ORDINALITY AS given (entry, leaf, stream, version, i);

        UPDATE app.log_head AS h
           SET size = head_size + cardinality(entries),
               last_leaf = leaf_hashes[cardinality(leaf_hashes)],
               frontier = new_frontier
         WHERE h.tenant_id = tenant;
    END IF;

    IF cardinality(tile_levels) > 0 THEN
        INSERT INTO app.log_tile AS t (tenant_id, level, index, data)
        SELECT tenant, level, index, hashes
          FROM unnest(tile_levels, tile_indexes, tile_hashes) AS given (level, index, hashes)
            ON CONFLICT (tenant_id, level, index) DO UPDATE SET data = t.data || excluded.data;
        IF EXISTS (
            SELECT
              FROM unnest(tile_levels, tile_indexes, tile_offsets, tile_hashes) AS given (level, index, start, hashes)
              JOIN app.log_tile AS t
                ON t.tenant_id = tenant AND t.level = given.level AND t.index = given.index
             WHERE length(t.data) IS DISTINCT FROM given.start * 32 + length(given.hashes)
        ) THEN
            RAISE EXCEPTION 'a tile does not end where the batch begins' USING ERRCODE = 'LC002';
        END IF;
    END IF;

    IF cardinality(outbox_positions) > 0 THEN
        INSERT INTO app.outbox (tenant_id, position, kind, next_at)
        SELECT tenant, place, kind, at FROM unnest(outbox_positions, outbox_kinds) AS given (place, kind);
    END IF;

    IF cardinality(answer_keys) > 0 THEN
        INSERT INTO app.idempotency (tenant_id, caller_id, key, request_hash, status, body, created_at)
        SELECT tenant, caller, key, request, status, body, at
          FROM unnest(answer_callers, answer_keys, answer_requests, answer_statuses, answer_bodies)
               AS given (caller, key, request, status, body);
    END IF;

    IF cardinality(nonces) > 0 THEN
        INSERT INTO app.used_nonce (tenant_id, nonce, position)
        SELECT tenant, nonce, place FROM unnest(nonces, nonce_positions) AS given (nonce, place);
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION app.append_batch TO loopctl_app, loopctl_worker;

-- Gives a new tenant its empty log. A tenant has one for ever: a second call is an error.
CREATE FUNCTION app.open_log(tenant uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO app.log_head (tenant_id, size, last_leaf, frontier)
    VALUES (tenant, 0, decode(repeat('00', 32), 'hex'), '\x'::bytea)
$$;
GRANT EXECUTE ON FUNCTION app.open_log TO loopctl_app;

-- They run with the rights of loopctl_fn: no more than what stands here, and no passing by row security.
GRANT SELECT, INSERT, UPDATE ON app.log_head, app.log_tile TO loopctl_fn;
GRANT SELECT, INSERT ON app.log_entry TO loopctl_fn;
GRANT INSERT ON app.outbox, app.idempotency, app.used_nonce TO loopctl_fn;
GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.append_batch OWNER TO loopctl_fn;
ALTER FUNCTION app.open_log OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
