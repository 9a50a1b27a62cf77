"""The files for Patroni: what was thought of when they were written stays so. `make failover` runs on them."""

from pathlib import Path

import yaml

from bench.failover_cluster import FailoverCluster, Node
from tests.support.running import CHECKOUT

FOLDER = CHECKOUT / "deploy" / "patroni"
CONFIGURATION = yaml.safe_load((FOLDER / "patroni.yml").read_text())
EVERYWHERE = CONFIGURATION["bootstrap"]["dcs"]


def variables() -> set[str]:
    lines = (FOLDER / "node.env.example").read_text().splitlines()
    return {line.partition("=")[0] for line in lines if line and not line.startswith("#")}


def test_a_commit_waits_for_a_standby_also_when_there_is_none() -> None:
    assert (EVERYWHERE["synchronous_mode"], EVERYWHERE["synchronous_mode_strict"]) == (True, True)
    assert CONFIGURATION["postgresql"]["parameters"]["synchronous_commit"] == "on"


def test_the_lease_on_the_lead_is_one_that_patroni_takes() -> None:
    """Otherwise it goes back to its defaults without a word."""
    assert EVERYWHERE["ttl"] >= max(20, EVERYWHERE["loop_wait"] + 2 * EVERYWHERE["retry_timeout"])


def test_no_connection_comes_in_without_a_password_and_none_is_in_the_file() -> None:
    assert {rule.split()[-1] for rule in CONFIGURATION["postgresql"]["pg_hba"]} == {"scram-sha-256"}
    assert "password:" not in (FOLDER / "patroni.yml").read_text()


def test_the_example_names_what_the_campaign_gives_a_machine(tmp_path: Path) -> None:
    node = Node("node1", 1, 2, tmp_path)
    given = FailoverCluster.environment_of(node, etcd_port=3, passwords=dict.fromkeys(("SUPERUSER",), "x"))
    ours = {name for name in given if name.startswith("PATRONI_")}
    assert ours <= variables()
    assert variables() - ours == {"PATRONI_REPLICATION_PASSWORD", "PATRONI_REWIND_PASSWORD"}


def test_no_secret_is_in_the_example() -> None:
    lines = (FOLDER / "node.env.example").read_text().splitlines()
    assert [line for line in lines if "PASSWORD=" in line and not line.endswith("=")] == []
