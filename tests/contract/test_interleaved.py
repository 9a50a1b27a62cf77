"""A short slice of bench/isolation.py: two tenants, two connections, directly and through pgbouncer."""

from functools import partial

import pytest

from bench.isolation import SessionTenant, campaign, through
from tests.support.database import TestDatabase
from tests.support.pgbouncer import pgbouncer


async def test_two_tenants_on_two_connections_see_their_own_and_nothing_else(database: TestDatabase) -> None:
    report = await campaign(database, 2000, seed=7)
    assert (report.asked, report.foreign, report.wrong) == (2000, 0, 0)
    assert report.later < 400


async def test_a_tenant_that_is_set_for_the_session_is_seen(database: TestDatabase) -> None:
    """The control."""
    report = await campaign(database, 40, seed=7, connect=partial(SessionTenant.connect, max_size=2), writes=0)
    assert report.foreign + report.wrong > 0


@pytest.mark.pgbouncer
async def test_so_do_two_tenants_behind_pgbouncer(database: TestDatabase) -> None:
    with pgbouncer(database) as url:
        report = await campaign(database, 2000, seed=7, connect=through(url))
    assert (report.asked, report.foreign, report.wrong) == (2000, 0, 0)
    assert report.later < 400


@pytest.mark.pgbouncer
async def test_behind_pgbouncer_a_tenant_that_is_set_for_the_session_is_seen(database: TestDatabase) -> None:
    """The control."""
    with pgbouncer(database) as url:
        report = await campaign(database, 40, seed=7, connect=through(url, SessionTenant), writes=0)
    assert report.foreign + report.wrong > 0
