"""The knowledge wiki with many articles: search in its three ways, context and index, and filing one beside filing a
story. Vectors are drawn by chance, 256 numbers each, so that what is measured is the service and not a provider.

Words are drawn as in a language: a few stand nearly everywhere, most hardly anywhere. `python -m bench.knowledge 2000`
measures with fewer articles.
"""

import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import uvloop

from api.knowledge.semantic import Semantic
from bench.servers import bench_server
from bench.table import at_most, median, percentile, tell_machine, told
from egress.embeddings import Vector, unit
from tests.api.logs import service
from tests.api.work import Client, client
from tests.support.database import session

ARTICLES, ASKED, FILED = 50_000, 200, 50
WORDS, WORDS_OF_ARTICLE = 20_000, 200
SEARCH_MS, CONTEXT_MS = 50, 80
FILING = 1.2
MS = 1000
BATCH = 1000
MODES = ("keyword", "semantic", "combined")
CATEGORIES = ("pattern", "convention", "decision", "finding", "reference")

INSERT = """
    INSERT INTO app.article
           (tenant_id, article_id, title, body, category, status, tags, metadata, created_at, updated_at, position)
    SELECT $1::uuid, gen_random_uuid(), g.title, g.body, g.category, 'published', ARRAY['t' || g.place % 50], '{}',
           now() - g.place * INTERVAL '1 minute', now() - g.place * INTERVAL '1 minute', 0
      FROM unnest($2::text[], $3::text[], $4::text[], $5::integer[]) AS g (title, body, category, place)
"""


VECTORS = """
    INSERT INTO app.article_vector (tenant_id, article_id, model, text_hash, embedding)
    SELECT a.tenant_id, a.article_id, $2, '', l2_normalize(drawn.numbers::real[]::vector)
      FROM app.article AS a
     CROSS JOIN LATERAL (
           SELECT array_agg(random() - 0.5) AS numbers
             FROM generate_series(1, $3::integer)
            WHERE a.article_id IS NOT NULL) AS drawn
     WHERE a.tenant_id = $1
"""
NUMBERS = 256


class Drawn:
    """A provider that takes no time."""

    model, alike = "drawn", 0.9

    async def embed(self, texts: Sequence[str], seconds: float) -> Sequence[Vector]:  # noqa: ARG002  # it waits for nobody
        return [unit([chance.gauss() for _ in range(NUMBERS)]) for chance in (random.Random(text) for text in texts)]


class Language:
    """Zipf's: the word number n is 1/n as frequent as the first."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        letters = "bcdfghklmnprstvz"
        self.words = [
            "".join(self.chance.choice(letters) + self.chance.choice("aeiou") for _ in range(3)) + f"{number % 97}"
            for number in range(WORDS)
        ]
        self._weights = [*accumulate(1 / (number + 1) for number in range(WORDS))]

    def text(self, words: int) -> str:
        return " ".join(self.chance.choices(self.words, cum_weights=self._weights, k=words))


async def fill(url: str, who: Client, language: Language, articles: int) -> None:
    """Rows of the read model, as the events of so many articles would leave them."""
    async with session(url) as connection:
        await connection.execute("SET ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, false)", str(who.tenant))
        for start in range(0, articles, BATCH):
            places = [*range(start, min(start + BATCH, articles))]
            await connection.execute(
                INSERT, who.tenant, [f"{language.text(6)} {place}" for place in places],
                [language.text(WORDS_OF_ARTICLE) for _ in places], [CATEGORIES[place % 5] for place in places], places,
            )  # fmt: skip
        await connection.execute(VECTORS, who.tenant, f"{Drawn.model}/{NUMBERS}", NUMBERS, timeout=600)
        await connection.execute("VACUUM (ANALYZE) app.article_search")
        await connection.execute("VACUUM (ANALYZE) app.article_vector")
        await connection.execute("ANALYZE app.article")


class Processor:
    """Processor time of a PostgreSQL, of whatever it has started and of whatever of that has ended."""

    def __init__(self, cluster: Path) -> None:
        self._cluster = cluster

    def seconds(self) -> float:
        found = [each for each in psutil.process_iter(["cmdline"]) if str(self._cluster) in " ".join(each.cmdline())]
        spent = [child.cpu_times() for each in found for child in (each, *each.children(recursive=True))]
        return sum(each.user + each.system + each.children_user + each.children_system for each in spent)


async def timed(ask: Callable[[], Awaitable[Any]], times: int) -> list[float]:
    """Milliseconds, sorted."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        answer = await ask()
        took.append((time.perf_counter() - began) * MS)
        if answer.status not in (200, 201):
            raise ValueError(answer.body)
    return sorted(took)


async def measure_reads(who: Client, language: Language, processor: Processor) -> None:
    some = (await who.get("/articles?limit=1")).json()["data"][0]["id"]
    took = await timed(lambda: who.get(f"/articles/{some}"), ASKED)
    told("one article, for comparison", f"p50 {percentile(took, 0.5):.1f} ms, p99 {percentile(took, 0.99):.1f} ms")
    kinds: dict[str, Callable[[], str]] = {
        "one frequent word": lambda: language.words[language.chance.randrange(3, 20)],
        "one rare word": lambda: language.words[language.chance.randrange(2000, WORDS)],
        "three words": lambda: language.text(3),
        "one word or another": lambda: " or ".join(language.text(4).split()),
    }
    for name, make in kinds.items():
        for path, bar in (*((f"search?mode={mode}&q=", SEARCH_MS) for mode in MODES), ("context?query=", CONTEXT_MS)):

            async def ask(make: Callable[[], str] = make, path: str = path) -> Any:
                return await who.get(f"/knowledge/{path}{quote(make())}")

            began = processor.seconds()
            took = await timed(ask, ASKED)
            spent = (processor.seconds() - began) / ASKED * MS
            beside = f"ms, p99; p50 {percentile(took, 0.5):.1f}, of PostgreSQL's processor {spent:.1f}"
            at_most(f"{path.removesuffix('=')}: {name}", percentile(took, 0.99), bar, beside)
    took = await timed(lambda: who.get("/knowledge/index"), 20)
    told("index of 1000 titles", f"p50 {percentile(took, 0.5):.1f} ms")


async def measure_filing(who: Client, language: Language) -> None:
    """In turns, so that whatever else the machine does meets both."""
    epic = await who.epic(await who.project())
    articles: list[float] = []
    stories: list[float] = []
    text = language.text(WORDS_OF_ARTICLE)
    for number in range(FILED):
        story = {"number": f"1.{number + 1}", "title": f"Story {number}", "description": text}
        article = {"title": f"Article {number}", "body": text, "category": "pattern"}
        stories += await timed(lambda body=story: who.post(f"/epics/{epic}/stories", body), 1)  # type: ignore[misc]  # now
        articles += await timed(lambda body=article: who.post("/articles", body), 1)  # type: ignore[misc]  # now
    beside = f"articles {median(articles):.2f} ms, stories {median(stories):.2f} ms, medians of {FILED}"
    at_most("filing an article / a story with the same text", median(articles) / median(stories), FILING, beside)


async def run(articles: int) -> None:
    language = Language(7)
    async with bench_server() as server, service(server, semantic=Semantic(Drawn())) as running:
        await tell_machine(server.admin_url)
        who = await client(running)
        began = time.perf_counter()
        await fill(server.migrator_url, who, language, articles)
        told("articles", f"{articles} of {WORDS_OF_ARTICLE} words, in {time.perf_counter() - began:.0f} s")
        await measure_reads(who, language, Processor(server.cluster))
        await measure_filing(who, language)


def main(arguments: Sequence[str]) -> None:
    uvloop.run(run(int(arguments[0]) if arguments else ARTICLES))


if __name__ == "__main__":
    main(sys.argv[1:])
