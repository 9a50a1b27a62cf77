"""Background work: the Dramatiq worker, the scheduler, and the jobs. PostgreSQL is the truth, Redis only wakes."""
