-- The versions from here on neither read nor write this column; the version before them still does both.
ALTER TABLE app.story ALTER COLUMN verifier_needed SET DEFAULT false;
