"""What the user has written for the first page and the guide stands there word for word; ids, and what is banned."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from tests.api.asgi import ask, made

COPY = Path(__file__).parent / "copy"
"""As the user has written it: markers of lists and the lines of tables are how it was set down, not words."""
MARKER = re.compile(r"^\s*(?:[-•]|\d+\.)\s+")
BROWSER = {"Accept": "text/html"}
DOCUMENTS = {"landing.txt": "/", "guide.txt": "/docs"}
LANDING_IDS = (
    "main-content", "features", "trust-model", "code-example", "cost-intelligence", "knowledge-intelligence",
    "get-started", "mobile-menu", "tab-stories", "tab-verify", "code-stories", "code-verify",
)  # fmt: skip
LANDING_LINKS = (
    "#main-content", "/#features", "/#cost-intelligence", "/docs", "/swaggerui", "/#get-started", "#get-started",
    "/health", "/terms", "/privacy",
)  # fmt: skip
GUIDE_IDS = ("overview", "orchestrator", "agents", "review", "hooks", "setup")
GUIDE_CARDS = (
    "orchestrator-command.sh", ".claude/agents/implementation-agent.md", ".claude/agents/business-analyst.md",
    ".claude/agents/systems-architect.md", ".claude/agents/security-adversary.md", "review-pipeline-flow",
    "findings-math", ".claude/hooks/PreToolUse/orchestrator-guardrail.sh", ".claude/hooks/Stop/keep-working.sh",
    "CLAUDE.md", ".mcp.json",
)  # fmt: skip
SIGNUP_IDS = (
    "signup-form", "tenant-name-input", "tenant-slug-input", "tenant-email-input", "authenticator-friendly-name",
    "enroll-authenticator-btn", "enrolled-authenticators", "signup-error", "signup-submit-btn", "webauthn-hook",
)  # fmt: skip
PUBLIC = ("/", "/docs", "/terms", "/privacy", "/login", "/signup", "/recovery", "/verify", "/design")
BANNED = {
    "large radii": r"rounded-(xl|2xl|3xl)", "gradients": r"gradient", "shadows": r"\bshadow",
    "raw colours": r"bg-gray|bg-blue", "style attributes": r"<[^>]+\sstyle=",
    "inline scripts": r"<script(?![^>]*\ssrc=)[^>]*>", "handlers": r"<[^>]+\son\w+=",
    "private addresses": r"\b(10|192\.168|172\.(1[6-9]|2\d|3[01]))(\.\d{1,3}){2,3}\b",
    "requests elsewhere": r"<(?:script|link|img|source|iframe)[^>]+(?:src|href)=\"(?:https?:)?//",
}  # fmt: skip


class Read(HTMLParser):
    """The words of a page, and its ids, links and classes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named["href"]] if tag == "a" else []

    @property
    def words(self) -> str:
        return plain(" ".join(self.said))


def plain(text: str) -> str:
    """Without the space between words and signs, where markup stands that is no word."""
    return re.sub(r"\s+", "", text)


def lines(name: str) -> Sequence[str]:
    """Each as its words."""
    found = [MARKER.sub("", line) for line in (COPY / name).read_text().splitlines()]
    cells = [line.strip().strip("|").replace("|", " ") if line.startswith("|") else line for line in found]
    return [plain(line) for line in cells if line.strip(" -|")]


def missing(document: Sequence[str], words: str) -> list[str]:
    """Lines that do not stand there behind the one before."""
    place, found = 0, []
    for line in document:
        at = words.find(line, place)
        if at < 0:
            found.append(line)
        else:
            place = at + len(line)
    return found


async def page(path: str) -> str:
    answer = await ask(made(settings=Settings(development=True)), path, headers=BROWSER)
    assert answer.status == 200, path
    return answer.body.decode()


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_every_line_of_the_users_text_stands_on_its_page_in_its_order(name: str) -> None:
    """The control is at the end: a line with one letter more is missed."""
    words, document = Read(await page(DOCUMENTS[name])).words, lines(name)
    assert missing(document, words) == []
    assert len(document) > 80
    for place in (0, len(document) // 2, len(document) - 1):
        assert missing([f"{document[place]}x"], words), "the control"


async def test_the_first_page_has_its_sections_its_tabs_and_where_they_lead() -> None:
    read, text = Read(await page("/")), await page("/")
    assert set(LANDING_IDS) <= set(read.ids)
    assert set(LANDING_LINKS) <= set(read.links)
    assert "<title>loopctl -- structural trust for AI development loops</title>" in text
    for name in ("og:title", "og:description", "og:image", "og:url", "og:type"):
        assert f'property="{name}"' in text
    assert 'name="twitter:card" content="summary_large_image"' in text
    outside = [tag for tag in re.findall(r"<a [^>]*>", text) if 'href="http' in tag]
    assert outside
    assert all('target="_blank"' in tag and 'rel="noopener noreferrer"' in tag for tag in outside)


async def test_the_guide_has_its_sections_and_every_card() -> None:
    text = await page("/docs")
    assert set(GUIDE_IDS) <= set(Read(text).ids)
    for said in ("Configuration Guide", "On this page", "<nav", 'class="dark"', *GUIDE_CARDS):
        assert said in text, said
    assert text.count("View full agent prompt") == 4


async def test_signup_has_the_ids_that_others_know() -> None:
    text = await page("/signup")
    assert set(SIGNUP_IDS) <= set(Read(text).ids)
    assert 'data-icon="hero-key"' in text


@pytest.mark.parametrize("path", PUBLIC)
async def test_a_public_page_has_what_every_page_has_and_nothing_that_is_banned(path: str) -> None:
    text = await page(path)
    assert '<html lang="en" class="dark">' in text
    assert '<meta charset="utf-8">' in text
    assert 'name="viewport"' in text
    assert 'name="description"' in text
    assert 'href="/assets/app.css"' in text
    for said in ("slate-", "font-body", "rounded-md"):
        assert said in text or path in ("/terms", "/privacy", "/verify"), said
    read = Read(text)
    assert len(read.ids) == len(set(read.ids))
    for what, pattern in BANNED.items():
        assert not (found := re.search(pattern, text)), (what, found)


@pytest.mark.parametrize("path", ["/terms", "/privacy"])
async def test_a_legal_text_has_nine_sections_and_its_date(path: str) -> None:
    text = await page(path)
    assert "April 1, 2026" in text
    assert re.findall(r"<h2>(\d)\.", text) == list("123456789")
    assert "Back to home" in text
    assert {"/terms", "/privacy"} <= set(Read(text).links)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("large radii", '<p class="rounded-xl">'), ("style attributes", '<p style="x">'),
        ("shadows", '<p class="shadow-lg">'), ("inline scripts", "<script>x</script>"), ("handlers", '<p onclick="x">'),
        ("private addresses", "192.168.1.20"), ("gradients", "bg-gradient-to-r"), ("raw colours", "bg-gray-900"),
        ("requests elsewhere", '<script src="https://x.example/y.js">'),
    ],
)  # fmt: skip
def test_what_is_banned_is_found(what: str, line: str) -> None:
    """The control."""
    assert re.search(BANNED[what], line)
