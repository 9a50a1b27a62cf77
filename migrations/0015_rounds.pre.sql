-- What a story remembers of its round of work beyond its holder: who has worked on it, who has reviewed the report that
-- stands, and how long its lease is renewed for.

ALTER TABLE app.story
    ADD COLUMN worked_agents   uuid[]  NOT NULL DEFAULT '{}',
    ADD COLUMN worked_lineages uuid[]  NOT NULL DEFAULT '{}',
    ADD COLUMN reviewers       uuid[]  NOT NULL DEFAULT '{}',
    ADD COLUMN lease_seconds   integer;
