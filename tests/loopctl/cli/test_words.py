"""Words of a list: a wrong one ends with 2 at once, with the list."""

import pytest

from domain.agent import AgentType
from domain.audit_shapes import AUDIT_SHAPES
from domain.key import KeyRole
from domain.story import AgentStatus, VerifiedStatus
from loopctl.cli import vocabulary
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import error, stub

LISTS: list[tuple[str, ...]] = [(name,) for name in ("next", "blocked", "waiting", "stories", "pending", "audit")]
LISTS += [("history", "2.1"), ("story", "comments", "2.1"), ("project", "list"), ("agent", "list"), ("keys", "list")]
WRONG = [
    (("next", "--format", "xml"), "human"),
    (("next", "--format", "humen"), 'Did you mean "human"?'),
    (("audit", "--action", "claimed"), "status_changed"),
    (("audit", "--action", "rejectd"), "Did you mean rejected?"),
    (("audit", "--entity-type", "storry"), "Did you mean story?"),
    (("audit", "--entity-type", "project", "--action", "verified"), "merge_imported"),
    (("changes", "--action", "claimed"), "status_changed"),
    (("changes", "--entity-type", "storry"), "story"),
    (("wait", "2.1", "--until", "verifed"), 'Did you mean "verified"?'),
    (("wait", "--until", "verified"), "project"),
    (("stories", "--agent-status", "done"), "reported_done"),
    (("waiting", "--role", "orchestrater"), 'Did you mean "orchestrator"?'),
    (("stories", "--verified-status", "verifed"), 'Did you mean "verified"?'),
    (("verify", "2.1", "--result", "passed"), "Did you mean pass?"),
    (("auth", "login", "--key", "x", "--role", "orchestrater"), 'Did you mean "orchestrator"?'),
    (("keys", "create", "--name", "x", "--role", "admin"), "orchestrator"),
    (("agent", "register", "--name", "x", "--type", "reviewer"), "implementer"),
    (("budget", "set", "--scope", "per-story", "--limit", "1"), "per_story"),
    (("api", "GTE", "stories"), "GET, POST"),
    (("completion", "powershell"), "fish"),
    (("config", "set", "format", "xml"), "human"),
    (("nxt",), "next"),
    (("webhook", "listen", "--forward-to", "https://hooks.example.com/"), "not on this machine"),
    (("webhook", "update", "x", "--activate", "--deactivate"), "not both"),
    (("webhook", "verify", "body.json"), "No secret"),
    (("unclaim", "2.1", "--reason", "ill"), "--force"),
    (("status", "2.1", "--epic", "1"), "not both"),
    (("import", "x.json", "--show", "--dry-run"), "--dry-run"),
    (("sync", "x.json", "--from", "bead"), "Did you mean"),
    (("sync", "x.json", "--from", "beads", "--prefer", "their"), "Did you mean"),
    (("export", "--to", "cvs"), "Did you mean"),
    (("sync", "-", "--from", "beads"), "--map FILE"),
    (("story", "comment", "2.1"), "--file"),
    (("story", "comment", "2.1", "Seen", "--file", "x.md"), "not both"),
    (("changes", "--since", "1h", "--cursor", "4"), "not both"),
    *(((*listing, "--all", *page), "every page") for listing in LISTS for page in (("--page", "2"), ("--limit", "5"))),
]


@pytest.mark.parametrize(("arguments", "named"), WRONG, ids=lambda each: " ".join(each) if type(each) is tuple else "")
def test_a_wrong_word_is_refused_at_once_with_the_list(alone: Shell, arguments: tuple[str, ...], named: str) -> None:
    with stub(error(500, "asked")) as server:
        alone.environment(SERVER=server.address)
        said = alone(*arguments)
    assert (said.code, said.out, server.asked) == (2, "", [])
    assert named in said.error()["error"]["message"] + said.error().get("hint", "")


@pytest.mark.parametrize("arguments", [arguments for arguments, _ in WRONG[1:3]])
def test_a_right_word_is_sent(alone: Shell, arguments: tuple[str, ...]) -> None:
    """The control."""
    right = [*arguments[:-1], "human" if "--format" in arguments else "observe.anything"]
    with stub(error(404, "asked")) as server:
        alone.environment(SERVER=server.address)
        assert (alone(*right).code, len(server.asked)) == (4, 1)


@pytest.mark.parametrize("where", ["variable", "file"])
def test_a_format_that_is_none_is_refused_wherever_it_is_said(alone: Shell, where: str) -> None:
    """It was ignored."""
    if where == "variable":
        alone.environment(FORMAT="xml")
    else:
        alone.config.parent.mkdir()
        alone.config.write_text('{"format": "xml"}')
    said = alone("next", "--server", "http://127.0.0.1:9")
    assert (said.code, "json, human, csv" in said.error()["error"]["message"]) == (2, True)
    assert ("LOOPCTL_FORMAT" if where == "variable" else str(alone.config)) in said.error()["error"]["message"]


def test_the_words_are_those_of_the_server() -> None:
    """Went red when an action was left out."""
    known: dict[str, set[str]] = {}
    for shape in AUDIT_SHAPES.values():
        known.setdefault(shape.entity_type, set()).add(shape.action)
    known["session"] = set()
    missing = {kind: names - {*vocabulary.ACTIONS.get(kind, "").split()} for kind, names in known.items()}
    assert missing == {kind: set() for kind in known}
    assert vocabulary.AgentStatus == AgentStatus
    assert vocabulary.VerifiedStatus == VerifiedStatus
    assert vocabulary.KeyRole == KeyRole
    assert vocabulary.AgentType == AgentType
