"""Everything that a message can start, everything that starts by the clock, and everybody who follows the logs."""

from eventstore.following.follow import Follower
from workers.actors import Actor, Job
from workers.jobs import (
    archive_token_data,
    check_logs,
    deliver_webhooks,
    purge_article_reads,
    purge_idempotency,
    purge_scheduled_runs,
    purge_webhook_deliveries,
    watch_behaviour,
    watch_costs,
)

JOBS: tuple[Job, ...] = (
    purge_scheduled_runs.JOB, check_logs.JOB, purge_webhook_deliveries.JOB, watch_costs.DAILY_JOB,
    watch_costs.ROLLING_JOB, archive_token_data.JOB, purge_idempotency.JOB, watch_behaviour.JOB,
    purge_article_reads.JOB,
)  # fmt: skip

ACTORS: tuple[Actor, ...] = (
    purge_scheduled_runs.ACTOR, check_logs.ACTOR, purge_webhook_deliveries.ACTOR, deliver_webhooks.ACTOR,
    watch_costs.DAILY, watch_costs.ROLLING, archive_token_data.ACTOR, purge_idempotency.ACTOR,
    watch_behaviour.ACTOR, purge_article_reads.ACTOR,
)  # fmt: skip

FOLLOWERS: tuple[Follower, ...] = ()
"""Asynchronous read models and policies; the signer of the tree heads is one more, made by main.py with its keys."""
