"""The whole worker, in a process that is stopped and killed."""

import asyncio
import signal
import time
from uuid import uuid4

from dramatiq.brokers.redis import DEFAULT_HEARTBEAT_TIMEOUT, DEFAULT_MAINTENANCE_CHANCE

from tests.workers.processes import WorkerSettings, read_marks, until, worker_process
from tests.workers.schedules import Schedule
from workers.broker import POLL_MS, JobBroker


async def test_sigterm_lets_the_running_job_finish_and_ends_with_zero(
    worker_settings: WorkerSettings, schedule: Schedule
) -> None:
    with worker_process(worker_settings, job_seconds=1.5) as worker:
        await until(lambda: worker.marks("started") == 1)
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.stopped() == 0
    assert read_marks(worker_settings.marks) == [f"started {worker.pid}", f"finished {worker.pid}"]
    assert [row["outcome"] for row in await schedule.rows()] == ["done"]


async def test_a_job_that_outlasts_the_grace_is_interrupted_and_left_for_another_worker(
    worker_settings: WorkerSettings, schedule: Schedule
) -> None:
    with worker_process(worker_settings, job_seconds=60, shutdown_seconds=1) as worker:
        await until(lambda: worker.marks("started") == 1)
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.stopped(5) == 0
    (row,) = await schedule.rows()
    assert (row["finished_at"], row["lease_token"], row["error_class"]) == (None, None, "CancelledError")


async def test_after_sigterm_no_new_job_is_started(worker_settings: WorkerSettings, broker: JobBroker) -> None:
    broker.declare("plain_message", "default", print)
    with worker_process(worker_settings, job_seconds=2) as worker:
        await until(lambda: worker.marks("started") == 1)
        worker.process.send_signal(signal.SIGTERM)
        await until(lambda: "worker_stopping" in worker.log)
        await asyncio.sleep(2 * POLL_MS / 1000)
        broker.wake("plain_message", uuid4())
        assert await worker.stopped() == 0
        assert worker.marks("received") == 0


async def test_a_second_signal_ends_it_on_the_spot(worker_settings: WorkerSettings) -> None:
    with worker_process(worker_settings, job_seconds=60) as worker:
        await until(lambda: worker.marks("started") == 1)
        worker.process.send_signal(signal.SIGTERM)
        await until(lambda: "worker_stopping" in worker.log)
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.stopped(1) == 128 + signal.SIGTERM


async def test_the_run_of_a_killed_worker_is_completed_once_by_another(
    worker_settings: WorkerSettings, schedule: Schedule
) -> None:
    with worker_process(worker_settings, job_seconds=60, lease_seconds=2) as killed:
        await until(lambda: killed.marks("started") == 1)
        killed.kill()
    with worker_process(worker_settings, lease_seconds=2) as other:
        await until(lambda: other.marks("finished") == 1)
        (row,) = await schedule.rows()
        assert (row["outcome"], row["attempts"]) == ("done", 2)
        assert read_marks(worker_settings.marks).count(f"finished {other.pid}") == 1


async def test_the_message_of_a_killed_worker_comes_back_within_fifteen_seconds_on_an_idle_queue(
    worker_settings: WorkerSettings, broker: JobBroker
) -> None:
    broker.declare("plain_message", "default", print)
    broker.wake("plain_message", uuid4())
    with worker_process(worker_settings, job_seconds=600) as killed:
        await until(lambda: killed.marks("received") == 1)
        killed.kill()
        killed_at = time.monotonic()
    with worker_process(worker_settings) as other:
        await until(lambda: "worker_started" in other.log, within_seconds=30)
        await until(lambda: other.marks("received") == 1, within_seconds=15)
    assert time.monotonic() - killed_at > 5


def worst_seconds_to_redelivery(heartbeat_timeout_ms: int, maintenance_chance: int) -> float:
    """On an idle queue: silence, then polls until one that looks for dead workers, with 99 % certainty."""
    polls = 1.0 if maintenance_chance == 10**6 else 4.6 * 10**6 / maintenance_chance
    return heartbeat_timeout_ms / 1000 + polls * POLL_MS / 1000


def test_with_the_settings_that_dramatiq_comes_with_it_would_take_minutes(broker: JobBroker) -> None:
    assert worst_seconds_to_redelivery(broker.heartbeat_timeout, broker.maintenance_chance) < 11
    assert worst_seconds_to_redelivery(DEFAULT_HEARTBEAT_TIMEOUT, DEFAULT_MAINTENANCE_CHANCE) > 300
