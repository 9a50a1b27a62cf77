"""`loopctl up`: embedded PostgreSQL and Redis, migrations, API and worker as supervised child processes."""
