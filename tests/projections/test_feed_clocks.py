"""Positions order the feed, whatever the clocks of its writers do; the long form is `make soak ARGS=feed`."""

from uuid import UUID, uuid4

import msgspec
import pytest

from eventstore.log.lane import Store
from projections.inline import INLINE
from tests.eventstore.writing import store
from tests.support.database import TestDatabase, connected
from tests.support.feed_race import Race, Seen


@pytest.fixture
async def seen(database: TestDatabase) -> Seen:
    opened = await connected(database.app_url, role="loopctl_app", max_size=8)
    tenant: UUID = uuid4()
    async with opened.tenant_transaction(tenant) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant)
    whole: Store = msgspec.structs.replace(store(opened), projections=INLINE)
    found = await Race(whole, tenant, seed=1).run(writers=8, pollers=4, seconds=30, most=60)
    await opened.close()
    return found


async def test_by_position_nothing_is_missed_doubled_or_out_of_order_and_by_time_much_is(seen: Seen) -> None:
    """The poller that goes by time is the control: the same log, and it misses entries."""
    assert seen.size > 400
    assert seen.wrong() == 0
    assert seen.missed_by_time() > 0
