-- A row that says verified points to the event that verified this very story. The CHECK from before only wanted a
-- number: whoever can write rows, by a fault of ours or by hand, had to make one up.
--
-- Asked when a story becomes verified, not with each later write of its row; with the rights of whoever writes, who
-- sees the tenant's log. An entry is JSON in UTF-8 (spec 05, section 4.2).
CREATE FUNCTION app.confirm_by_event() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    confirming text;
BEGIN
    SELECT convert_from(e.entry, 'UTF8')::json ->> 'type'
      INTO confirming
      FROM app.log_entry AS e
     WHERE e.tenant_id = NEW.tenant_id AND e.position = NEW.verified_position AND e.stream_id = NEW.story_id;
    IF confirming IS NULL
       OR confirming NOT IN ('story.verified', 'story.marked_complete', 'story.backfilled', 'story.imported') THEN
        RAISE EXCEPTION 'story % is verified by no event of it at position %', NEW.story_id, NEW.verified_position
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER confirmed_when_made AFTER INSERT ON app.story
FOR EACH ROW WHEN (NEW.verified_status = 'verified') EXECUTE FUNCTION app.confirm_by_event();

CREATE TRIGGER confirmed_when_moved AFTER UPDATE ON app.story
FOR EACH ROW WHEN (
    NEW.verified_status = 'verified'
    AND (OLD.verified_status <> 'verified' OR OLD.verified_position <> NEW.verified_position)
) EXECUTE FUNCTION app.confirm_by_event();
ALTER TABLE app.story ENABLE ALWAYS TRIGGER confirmed_when_made;
ALTER TABLE app.story ENABLE ALWAYS TRIGGER confirmed_when_moved;
