"""Articles from Markdown to HTML: CommonMark with tables, by markdown-it; raw HTML stays text.

Whoever wrote the text, nothing of it runs or is fetched: tags are escaped, links lead to http, https, mailto or a place
of this site, a picture becomes a link to it, and there is no style and no id for a page's policy to refuse.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

SCHEMES = ("http", "https", "mailto")
LONGEST = 32_768
"""Characters: the parser's work grows with their square. A longer text is shown as it was written."""
DEEPEST = 20
"""Blocks within blocks; what is deeper is left out."""
LOWEST_HEADING = 6
RELATION = "noopener noreferrer"
ALIGNED = "text-align:"


def may_lead_to(address: str) -> bool:
    """With one of the schemes, or a place of this site; not ``//host``, which is another one."""
    if not address.isprintable() or "\\" in address:
        return False
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        return False
    return scheme in SCHEMES or (not scheme and address.startswith(("/", "#")) and not address.startswith("//"))


@lru_cache(maxsize=64)
def to_html(text: str, under: int = 0) -> Markup:
    """``under`` is the level of the heading that the text stands below: its own first one is of the next level."""
    if len(text) > LONGEST:
        return Markup('<pre class="wrapped" tabindex="0"><code>{}</code></pre>').format(text)
    tokens = _parser().parse(text.replace("\x00", ""))
    return Markup(_parser().renderer.render(list(_tamed(tokens, under)), _parser().options, {}))  # noqa: S704  # see above


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST}).enable(["table", "strikethrough"])
    parser.validateLink = may_lead_to  # type: ignore[method-assign, assignment]  # as its documentation says
    return parser


def _tamed(tokens: Sequence[Token], under: int) -> Iterator[Token]:
    for token in tokens:
        if token.children:
            token.children = list(_tamed(token.children, under))
        match token.type:
            case "heading_open" | "heading_close":
                token.tag = f"h{min(int(token.tag[1]) + under, LOWEST_HEADING)}"
            case "th_open" | "td_open":
                _align(token)
            case "link_open":
                _lead_out(token)
        match token.type:
            case "image":
                yield from _link_to(token)
            case "table_open":
                yield _frame("div", 1)
                yield token
            case "table_close":
                yield token
                yield _frame("div", -1)
            case "fence" | "code_block":
                token.type, token.attrs = "code_block", {"tabindex": "0"}  # without the word for its language
                yield token
            case _:
                yield token


def _align(cell: Token) -> None:
    """By a class: a style attribute is against the policy of pages."""
    style = str(cell.attrs.pop("style", ""))
    if style.startswith(ALIGNED):
        cell.attrs["class"] = f"align-{style.removeprefix(ALIGNED)}"


def _lead_out(link: Token) -> None:
    if not str(link.attrs["href"]).startswith(("/", "#")):
        link.attrs["rel"] = RELATION


def _link_to(picture: Token) -> Iterator[Token]:
    """Shown, it would be asked for at another host."""
    address = str(picture.attrs["src"])
    opening = Token("link_open", "a", 1, attrs={"href": address})
    _lead_out(opening)
    yield from (opening, Token("text", "", 0, content=picture.content or address), Token("link_close", "a", -1))


def _frame(tag: str, nesting: int) -> Token:
    """A wide table moves within it, and the keyboard reaches it."""
    attributes: dict[str, str | int | float] = (
        {"class": "table-frame", "tabindex": "0", "role": "region", "aria-label": "Table"} if nesting > 0 else {}
    )
    return Token("frame", tag, nesting, attrs=attributes, block=True)  # type: ignore[arg-type]  # 0 or 1 or -1, as an int
