"""Everything that a message can start, and everything that starts by the clock."""

from workers.actors import Actor, Job
from workers.jobs import check_logs, purge_scheduled_runs

JOBS: tuple[Job, ...] = (purge_scheduled_runs.JOB, check_logs.JOB)

ACTORS: tuple[Actor, ...] = (purge_scheduled_runs.ACTOR, check_logs.ACTOR)
