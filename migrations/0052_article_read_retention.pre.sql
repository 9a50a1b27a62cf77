-- The worker forgets reads that are older than any figure looks back.
GRANT DELETE ON app.article_access TO loopctl_worker;
