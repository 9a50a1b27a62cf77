"""Articles from Markdown: what is laid out, and that whoever wrote it, nothing of it is more than text and links."""

import re
from html.parser import HTMLParser

import pytest

from api.web.markdown import LONGEST, may_lead_to, to_html
from tests.api.web.payloads import PAYLOADS

TAGS = {"p", "a", "b", "strong", "em", "s", "code", "pre", "br", "hr", "blockquote", "ul", "ol", "li", "h1", "h2", "h3",
        "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "div"}  # fmt: skip
ATTRIBUTES = {"href", "rel", "title", "class", "tabindex", "role", "aria-label", "start"}
IN_MARKDOWN = (
    "{}", "[x]({})", "[x](<{}>)", "![{}]({})", "<{}>", "[{}]", "[x][y]\n\n[y]: {}", "| {} |\n|---|\n| {} |",
    "```{}\n{}\n```", "    {}", "# {}", "> {}", "- {}", "`{}`", "**{}**", "[x](/y \"{}\")",
)  # fmt: skip
"""Where Markdown has a place for something."""


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes, self.addresses = set[str](), set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name == "href"]


def seen(html: str) -> Seen:
    found = Seen()
    found.feed(html)
    return found


@pytest.mark.parametrize("place", IN_MARKDOWN)
def test_no_hostile_text_becomes_more_than_text_and_links(place: str) -> None:
    """Went red with raw HTML let through, and with the parser's own check of links."""
    hostile = [*PAYLOADS, *(f"{scheme}:window.__ran=1" for scheme in SCHEMES)]
    found = seen("".join(to_html(place.replace("{}", each), 1) for each in hostile))
    assert found.tags <= TAGS
    assert found.attributes <= ATTRIBUTES
    assert [each for each in found.addresses if not may_lead_to(each)] == []


SCHEMES = ("javascript", "JaVaScRiPt", "data", "vbscript", "file", "blob", "ftp", "java\tscript", "\x01javascript",
           "&#106;avascript", "&#x6A;avascript", "javascript&colon;", "view-source", "//evil.example",
           "\\\\evil.example", "/\\evil.example", "intent")  # fmt: skip


@pytest.mark.parametrize(
    "address", ["https://a.example/b?c#d", "http://a.example", "mailto:a@b.example", "/wiki/x", "#x"]
)
def test_a_link_leads_where_it_may(address: str) -> None:
    assert f'href="{address}"' in to_html(f"[x]({address})")


def test_links_to_elsewhere_tell_nobody_where_they_were() -> None:
    assert to_html("[x](https://a.example) [y](/wiki/y)") == (
        '<p><a href="https://a.example" rel="noopener noreferrer">x</a> <a href="/wiki/y">y</a></p>\n'
    )


def test_a_picture_is_a_link_to_it_because_shown_it_would_be_fetched() -> None:
    assert "<img" not in to_html("![Plan](https://a.example/plan.png)")
    assert ">Plan</a>" in to_html("![Plan](https://a.example/plan.png)")


def test_headings_stand_below_the_title_of_their_page() -> None:
    assert re.findall("<(h.)>", to_html("# A\n\n## B\n\n###### C", under=1)) == ["h2", "h3", "h6"]


def test_columns_are_aligned_without_a_style() -> None:
    table = to_html("| a | b |\n|:-:|--:|\n| 1 | 2 |")
    assert ("style=" in table, table.count("align-center"), table.count("align-right")) == (False, 2, 2)
    assert '<div class="table-frame" tabindex="0" role="region" aria-label="Table">' in table


def test_a_text_that_takes_long_to_lay_out_is_shown_as_it_is() -> None:
    assert to_html("*a* <b>" + "x" * LONGEST).startswith('<pre class="wrapped" tabindex="0"><code>*a* &lt;b&gt;xx')
    assert to_html("*a* " + "x" * (LONGEST - 4)).startswith("<p><em>a</em> xx"), "the control"
