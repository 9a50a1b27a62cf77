"""The library's projections over the logs of two tenants of a real server, as docs/eventsourcing.md writes them."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import InfrastructureFactoryError, NotSupportedError, Tracking
from eventsourcing.projection import ProjectionRunner
from msgspec import Struct

from loopctl.cli.demo.founding import new_crew
from loopctl.client import Client
from loopctl.eventsourcing import LogApplication, LogEvent, NotVerified, open_server
from tests.house.tree import CHECKOUT
from tests.support.running import Run, up

[EXAMPLE] = re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs/eventsourcing.md").read_text(), re.DOTALL)
CRITERIA = [{"id": "AC-1", "description": "It works"}]


class Acting(Struct, frozen=True):
    """A tenant with a project of some stories, and who is on it."""

    server: str
    tenant: str
    user: Client
    implementer: Client
    reviewer: Client
    orchestrator: Client
    project: str
    stories: dict[str, str]
    key: str

    @property
    def log(self) -> str:
        return f"{self.server}/t/{self.tenant}"

    @property
    def vkey(self) -> str:
        return str(self.user.get(f"tenants/{self.tenant}/audit_public_keys")["data"][0]["vkey"])

    def verify(self, number: str) -> None:
        story = f"stories/{self.stories[number]}"
        shown = self.user.get(story)["story"]
        self.implementer.post(f"{story}/contract", {"story_title": shown["title"], "ac_count": shown["ac_count"]})
        for action in ("claim", "start", "request-review"):
            self.implementer.post(f"{story}/{action}")
        self.reviewer.post(f"{story}/report")
        self.reviewer.post(f"{story}/review-complete", {"review_type": "team"})
        self.orchestrator.post(f"{story}/verify", {"review_type": "team", "summary": "ok"})

    def wait_until_signed(self, verified: int) -> None:
        """With so many verifications under the newest head."""
        deadline = time.monotonic() + 20
        with open_server(self.log, self.key, [self.vkey], poll_seconds=0.0) as recorder:
            while len(recorder.select_notifications(None, 1000, topics=["story.verified"])) < verified:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def export(self, file: Path) -> Path:
        with file.open("wb") as opened:
            self.user.download("audit/export", opened.write)
        return file

    def environment(self, place: object) -> dict[str, str]:
        return {"LOOPCTL_LOG": str(place), "LOOPCTL_LOG_VKEYS": self.vkey, "LOOPCTL_API_KEY": self.key}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with up(tmp_path_factory.mktemp("projected") / "data") as run:
        run.wait_until_healthy()
        yield run


@pytest.fixture(scope="module")
def tenants(running: Run) -> Iterator[list[Acting]]:
    """Two stories of the first and one of the second are verified; the third is for a test that changes it."""
    made = acme, other, _ = [found(running, slug) for slug in ("acme", "other", "growing")]
    acme.verify("1.1")
    acme.verify("1.2")
    other.verify("1.1")
    acme.wait_until_signed(2)
    other.wait_until_signed(1)
    yield made
    for each in made:
        for client in (each.user, each.implementer, each.reviewer, each.orchestrator):
            client.close()


def found(running: Run, slug: str) -> Acting:
    command = [sys.executable, "-m", "operations", "create-tenant", "--name", slug, "--slug", slug]
    command += ["--email", f"ops@{slug}.example", "--data-dir", str(running.data)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=CHECKOUT, timeout=180, check=True, env=os.environ
    )
    answer = json.loads(done.stdout)
    key = answer["api_key"]["raw_key"]
    user = Client(running.address, key)
    crew = new_crew(user, running.address, (("ada",), ("radia",), "olga"))
    ada, radia, olga = (
        Client(running.address, each)
        for each in (crew.implementers["ada"], crew.reviewers["radia"], crew.orchestrator[1])
    )
    project = user.post("projects", {"name": "My App", "slug": "my-app"})["project"]["id"]
    stories = [{"number": f"1.{n}", "title": f"Story {n}", "acceptance_criteria": CRITERIA} for n in (1, 2, 3)]
    user.post("projects/my-app/import", {"epics": [{"number": 1, "title": "E", "stories": stories}]})
    ids = {each["number"]: each["id"] for each in user.pages("stories", project_id=project)}
    return Acting(running.address, answer["tenant"]["id"], user, ada, radia, olga, project, ids, key)


@pytest.fixture
def run_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """What it prints."""

    def run(environment: dict[str, str]) -> list[str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        exec(EXAMPLE, {"__name__": "example"})  # noqa: S102  # of our own documentation
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The classes of the example, without what it does with them."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(EXAMPLE.partition("\nwith ")[0], names)  # noqa: S102  # as above
    return names


def test_the_documented_projection_runs_over_an_export_and_over_a_server(
    tenants: list[Acting], run_example: Callable[..., list[str]], tmp_path: Path
) -> None:
    """Each tenant's says its own, and nothing of the other's."""
    acme, other, _ = tenants
    said = run_example(acme.environment(acme.export(tmp_path / "acme.tar")))
    assert said[0] == f"project {acme.project}: 2 verified"
    assert re.fullmatch(r"agent [0-9a-f-]{36} in the entries \[\d+, \d+\]", said[1])
    assert run_example(acme.environment(acme.log)) == said
    assert run_example(other.environment(other.log))[0] == f"project {other.project}: 1 verified"


def test_a_projection_of_an_export_that_was_changed_does_not_begin(
    tenants: list[Acting], run_example: Callable[..., list[str]], tmp_path: Path
) -> None:
    """The control is above."""
    acme = tenants[0]
    file = acme.export(tmp_path / "acme.tar")
    file.write_bytes(file.read_bytes().replace(b'"Story 2"', b'"Story 7"'))
    with pytest.raises(NotVerified):
        run_example(acme.environment(file))


def test_the_key_of_one_tenant_is_not_the_others(tenants: list[Acting], tmp_path: Path) -> None:
    acme, other, _ = tenants
    with pytest.raises(NotVerified):
        LogApplication({**other.environment(acme.export(tmp_path / "acme.tar"))})


def test_a_runner_over_a_server_follows_it(tenants: list[Acting], example: dict[str, Any]) -> None:
    growing = tenants[2]
    runner: Any
    with ProjectionRunner(
        application_class=LogApplication,
        projection_class=example["WhoVerifiedWhat"],
        view_class=example["Confirmations"],
        env=growing.environment(growing.log),
    ) as runner:
        before = runner.app.recorder.max_notification_id()
        growing.verify("1.3")
        history = growing.user.get(f"stories/{growing.stories['1.3']}")["story"]
        assert history["verified_status"] == "verified"
        subscription = runner.app.recorder.subscribe(before, ["story.verified"])
        notification = next(subscription)
        subscription.stop()
        runner.wait(notification.id, timeout=20)
        assert notification.id - 1 in [
            each for positions in runner.projection.view.by_agent.values() for each in positions
        ]
        assert runner.app.name == runner.app.recorder.origin
        assert runner.app.name.endswith(f"/t/{growing.tenant}")


def test_trackings_of_several_tenants_are_kept_apart(tenants: list[Acting], example: dict[str, Any]) -> None:
    """One view over both: with one name, the shorter log would seem to have been seen already."""
    view = example["Confirmations"]()
    for each in tenants[:2]:
        app = LogApplication(each.environment(each.log))
        projection = example["WhoVerifiedWhat"](view)
        for notification in app.recorder.select_notifications(None, 1000, topics=projection.topics):
            tracking = Tracking(app.name, notification.id)
            projection.process_event(app.mapper.to_domain_event(notification), tracking)
        app.close()
    assert set(view.of_project) == {each.project for each in tenants[:2]}


def test_the_history_of_one_story_is_a_stream(tenants: list[Acting]) -> None:
    acme = tenants[0]
    app = LogApplication(acme.environment(acme.log))
    events: list[Any] = list(app.events.get(f"story:{acme.stories['1.1']}"))
    app.close()
    assert all(isinstance(event, LogEvent) for event in events)
    assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
    assert "story.verified" in [event.type for event in events]


def test_an_application_over_a_log_writes_nothing(tenants: list[Acting]) -> None:
    acme = tenants[0]
    app = LogApplication(acme.environment(acme.log))
    size = app.recorder.max_notification_id()
    for write in (
        app.save,
        app.factory.process_recorder,
        app.factory.tracking_recorder,
        app.factory.aggregate_recorder,
    ):
        with pytest.raises(NotSupportedError, match="can only be read"):
            write()
    app.close()
    with open_server(acme.log, acme.key, [acme.vkey]) as recorder:
        assert recorder.max_notification_id() == size


@pytest.mark.parametrize("missing", ["LOOPCTL_LOG", "LOOPCTL_LOG_VKEYS", "LOOPCTL_API_KEY"])
def test_what_is_not_set_is_named(tenants: list[Acting], missing: str) -> None:
    acme = tenants[0]
    with pytest.raises(InfrastructureFactoryError, match=f"{missing} is not set"):
        LogApplication({**acme.environment(acme.log), missing: ""})
