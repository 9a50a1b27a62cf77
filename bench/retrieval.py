"""How good search is: nDCG@10 by words, by meaning and by both, over the documentation of this repository.

Protocol: known-item search. Every section of docs/, of the decisions and of the articles in /wiki with a heading of
three words or more and a text of forty or more becomes an article, without its heading (its title is a number); its
heading is a question, whose one right answer it is. So a right answer at place n counts 1/log2(n + 1), and below ten
nothing. Headings that stand more than once are left out. Nothing is drawn by chance. The model is the local one
(`make embeddings`).
"""

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import uvloop
from msgspec import Struct

from api.knowledge.semantic import Semantic
from bench.servers import bench_server
from bench.table import at_least, told
from domain.knowledge.ranking import POOL
from egress.local_embeddings import LocalEmbeddings
from eventstore.database.transaction import Database
from tests.api.logs import service
from tests.api.work import Client, client
from workers.knowledge.embedding import Embedding, Pace

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDERS = ("docs", "docs/decisions", "api/wiki/articles")
HEADING = re.compile(r"#{1,4} (?:D[0-9]+: )?(.+)")
LEAST_HEADING, LEAST_TEXT = 3, 40
"""Words."""
SHOWN = 10
MODES = ("keyword", "semantic", "combined")


class Section(Struct, frozen=True):
    heading: str
    text: str


def sections() -> Sequence[Section]:
    files = [file for folder in FOLDERS for file in sorted((CHECKOUT / folder).glob("*.md"))]
    found = [each for file in files for each in _split(file.read_text("utf-8"))]
    found = [
        each for each in found
        if len(each.heading.split()) >= LEAST_HEADING and len(each.text.split()) >= LEAST_TEXT
    ]  # fmt: skip
    times = Counter(each.heading for each in found)
    return [each for each in found if times[each.heading] == 1]


def _split(text: str) -> Iterator[Section]:
    heading, lines = "", list[str]()
    for line in [*text.splitlines(), "# end of file"]:
        match = HEADING.fullmatch(line)
        if match is None:
            lines.append(line)
            continue
        if heading:
            yield Section(heading, "\n".join(lines).strip())
        heading, lines = match[1].replace("`", ""), []


def gain(place: int | None) -> float:
    """Of the one right answer at this place, from 0; the best possible is 1."""
    return 0.0 if place is None else 1 / math.log2(place + 2)


async def asked(who: Client, articles: Mapping[str, Section], mode: str) -> float:
    """Mean of the gains."""
    total = 0.0
    for title, section in articles.items():
        answer = await who.get(f"/knowledge/search?mode={mode}&limit={SHOWN}&q={quote(section.heading[:500])}")
        body = answer.json()
        if answer.status != 200 or body["meta"]["search_mode"] != mode:
            raise ValueError(answer.body)
        titles = [each["title"] for each in body["data"]]
        total += gain(titles.index(title) if title in titles else None)
    return total / len(articles)


async def run() -> None:
    model = LocalEmbeddings.installed()
    async with bench_server() as server, service(server, semantic=Semantic(model)) as running:
        who = await client(running)
        articles = {f"Section {number}": each for number, each in enumerate(sections(), 1)}
        for title, section in articles.items():
            body = {"title": title, "body": section.text, "category": "reference", "status": "published"}
            answer = await who.post("/articles", body)
            if answer.status != 201:
                raise ValueError(answer.body)
        database = await Database.connect(server.worker_url, role="loopctl_worker")
        await Embedding(database, model, Pace()).sweep()
        await database.close()
        told("questions and articles", f"{len(articles)}, model {model.model}, pools of {POOL}")
        found = {mode: await asked(who, articles, mode) for mode in MODES}
        for mode in MODES[:2]:
            told(f"nDCG@10, {mode}", f"{found[mode]:.3f}")
        best = max(found["keyword"], found["semantic"])
        at_least("nDCG@10, combined / the better of both", found["combined"] / best, 1.0, f"{found['combined']:.3f}")


def main(_: Sequence[str]) -> None:
    uvloop.run(run())


if __name__ == "__main__":
    main(sys.argv[1:])
