-- Where in the log the event of a kept answer is, so that a replay can say it and come with the event's receipt.

ALTER TABLE app.idempotency ADD COLUMN position bigint CHECK (position >= 0);

-- A new argument makes a new function. It has a default, because code of the release before calls it without.
DROP FUNCTION app.append_batch;

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
    at timestamptz,
    answer_positions bigint[] DEFAULT '{}'
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
        answer_statuses, answer_bodies, nonces, nonce_positions, at, answer_positions) > 0
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
        INSERT INTO app.idempotency (tenant_id, caller_id, key, request_hash, status, body, created_at, position)
        SELECT tenant, caller, key, request, status, body, at, place
          FROM unnest(
                   answer_callers, answer_keys, answer_requests, answer_statuses, answer_bodies, answer_positions)
               AS given (caller, key, request, status, body, place);
    END IF;

    IF cardinality(nonces) > 0 THEN
        INSERT INTO app.used_nonce (tenant_id, nonce, position)
        SELECT tenant, nonce, place FROM unnest(nonces, nonce_positions) AS given (nonce, place);
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION app.append_batch TO loopctl_app, loopctl_worker;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.append_batch OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
