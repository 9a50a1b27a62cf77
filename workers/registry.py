"""Everything that a message can start, and everything that starts by the clock."""

from workers.actors import Actor, Job
from workers.jobs import purge_scheduled_runs

JOBS: tuple[Job, ...] = (purge_scheduled_runs.JOB,)

ACTORS: tuple[Actor, ...] = (purge_scheduled_runs.ACTOR,)
