-- Room in each page for the next version of a row, so that a transition writes no index: none of what it changes in
-- these tables is indexed. Pages that are full already get room when their rows are next rewritten.

ALTER TABLE app.story SET (fillfactor = 70);
ALTER TABLE app.epic_progress SET (fillfactor = 50);
ALTER TABLE app.log_head SET (fillfactor = 50);
