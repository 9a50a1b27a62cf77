-- All links of the lineages of those who have worked on a story, for tenants that refuse whoever shares any of them.

ALTER TABLE app.story
    ADD COLUMN worked_links uuid[] NOT NULL DEFAULT '{}';
