"""Our own articles from Markdown to HTML: headings, paragraphs, lists, tables, code and links, and nothing else.

Everything is escaped first, so that no text, whoever wrote it, becomes a tag.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape

CODE = re.compile(r"`([^`\n]+)`")
STRONG = re.compile(r"\*\*([^*\n]+)\*\*")
LINK = re.compile(r"\[([^\[\]\n]+)\]\((/[a-z0-9/_-]*)\)")
"""Only to our own pages."""
ORDERED = re.compile(r"[0-9]{1,2}\. ")
FENCE = "```"


def to_html(text: str) -> str:
    return "\n".join(_blocks(text.strip().split("\n\n")))


def _blocks(blocks: Sequence[str]) -> Iterator[str]:
    for block in blocks:
        lines = block.split("\n")
        if block.startswith("# "):
            yield f"<h1>{_inline(block[2:])}</h1>"
        elif block.startswith("## "):
            name = "-".join(block[3:].lower().split())
            yield f'<h2 id="{escape(name)}">{_inline(block[3:])}</h2>'
        elif block.startswith(FENCE):
            yield f"<pre><code>{escape(chr(10).join(lines[1:-1]))}</code></pre>"
        elif all(line.startswith("- ") for line in lines):
            yield _listed("ul", [line[2:] for line in lines])
        elif all(ORDERED.match(line) for line in lines):
            yield _listed("ol", [line.partition(". ")[2] for line in lines])
        elif all(line.startswith("|") for line in lines):
            yield _table([[cell.strip() for cell in line.strip("|").split("|")] for line in lines])
        else:
            yield f"<p>{_inline(' '.join(lines))}</p>"


def _listed(tag: str, items: Sequence[str]) -> str:
    return f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{tag}>"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """The second row is the line below the head."""
    head = "".join(f"<th>{_inline(cell)}</th>" for cell in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>" for row in rows[2:])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _inline(text: str) -> str:
    parts = CODE.split(escape(text))
    # Every second part is code, in which nothing else is looked for.
    return "".join(
        f"<code>{part}</code>" if place % 2 else LINK.sub(r'<a href="\2">\1</a>', STRONG.sub(r"<b>\1</b>", part))
        for place, part in enumerate(parts)
    )
