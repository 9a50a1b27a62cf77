"""Everything that a message can start, everything that starts by the clock, and everybody who follows the logs."""

from eventstore.following.follow import Follower
from workers.actors import Actor, Job
from workers.jobs import check_logs, purge_scheduled_runs

JOBS: tuple[Job, ...] = (purge_scheduled_runs.JOB, check_logs.JOB)

ACTORS: tuple[Actor, ...] = (purge_scheduled_runs.ACTOR, check_logs.ACTOR)

FOLLOWERS: tuple[Follower, ...] = ()
"""Asynchronous read models and policies; the signer of the tree heads is one more, made by main.py with its keys."""
