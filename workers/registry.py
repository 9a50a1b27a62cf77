"""Everything that a message can start, everything that starts by the clock, and everybody who follows the logs."""

from eventstore.follow import Follower
from workers.actors import Actor, Job
from workers.jobs import purge_scheduled_runs

JOBS: tuple[Job, ...] = (purge_scheduled_runs.JOB,)

ACTORS: tuple[Actor, ...] = (purge_scheduled_runs.ACTOR,)

FOLLOWERS: tuple[Follower, ...] = ()
"""Asynchronous read models and policies; the signer of the tree heads is one more, made by main.py with its keys."""
