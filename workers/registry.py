"""Everything that a message can start, everything that starts by the clock, and everybody who follows the logs."""

from eventstore.following.follow import Follower
from workers.actors import Actor, Job
from workers.jobs import check_logs, deliver_webhooks, purge_scheduled_runs, purge_webhook_deliveries

JOBS: tuple[Job, ...] = (purge_scheduled_runs.JOB, check_logs.JOB, purge_webhook_deliveries.JOB)

ACTORS: tuple[Actor, ...] = (
    purge_scheduled_runs.ACTOR, check_logs.ACTOR, purge_webhook_deliveries.ACTOR, deliver_webhooks.ACTOR,
)  # fmt: skip

FOLLOWERS: tuple[Follower, ...] = ()
"""Asynchronous read models and policies; the signer of the tree heads is one more, made by main.py with its keys."""
