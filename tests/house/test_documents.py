"""What the documents tell a newcomer to open, run or type is there."""

import re
from collections.abc import Iterator

import pytest

from config.loader import names, secret_names
from config.settings import CLIENT_VARIABLES
from tests.house.tree import CHECKOUT, Source, sources

DECISIONS = "docs/decisions.md"
AREAS = tuple(
    f"docs/decisions/{area}.md" for area in ("log", "custody", "api", "storage", "operations", "client", "build")
)
FOR_NEWCOMERS = ("README.md", "CONTRIBUTING.md", "deploy/README.md", DECISIONS, *AREAS)
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
PATH = re.compile(r"(?<![\w./<>*-])(?:\./)?((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:md|py|toml|yaml|lock|sql|json))(?![\w/<*])")
MAKE = re.compile(r"\bmake ([a-z]+)\b")
VARIABLE = re.compile(r"\bLOOPCTL_[A-Z_]*[A-Z]\b")
MADE_AT_RUN_TIME = ("var/", "deploy/secrets", "deploy/certs")


def code(document: Source) -> str:
    """What stands in back-quotes or in a block: prose names planned things too, and those are not checked."""
    return "\n".join(CODE.findall(document.text))


def missing_files(document: Source) -> Iterator[str]:
    """Paths of the checkout that are not there. Counted as such: anything that begins with one of its own entries,
    and a bare file name; absolute paths, addresses and patterns like ``api/<noun>/routes.py`` are something else."""
    entries = {entry.name for entry in CHECKOUT.iterdir()}
    for path in [*PATH.findall(code(document)), *LINK.findall(document.text)]:
        ours = "/" not in path or path.partition("/")[0] in entries or path in LINK.findall(document.text)
        folders = (CHECKOUT, CHECKOUT / document.name.rpartition("/")[0])
        if ours and not path.startswith(MADE_AT_RUN_TIME) and not any((folder / path).exists() for folder in folders):
            yield f"{document.name}: {path}"


def missing_targets(document: Source) -> list[str]:
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    return [f"{document.name}: make {target}" for target in MAKE.findall(code(document)) if target not in targets]


def missing_variables(document: Source) -> list[str]:
    known = {f"LOOPCTL_{name.upper()}" for name in names()} | {
        f"LOOPCTL_{name.upper()}_FILE" for name in secret_names()
    }
    found = VARIABLE.findall(document.text)
    return [f"{document.name}: {name}" for name in found if name not in known | CLIENT_VARIABLES]


def documents() -> list[Source]:
    return [source for source in sources(".md") if source.name in FOR_NEWCOMERS]


def test_the_documents_for_newcomers_are_there() -> None:
    """Went red when docs/decisions.md was renamed."""
    assert {document.name for document in documents()} == set(FOR_NEWCOMERS)


def decisions(texts: list[str], mark: str) -> list[str]:
    """Number and title of each."""
    return [line for text in texts for line in re.findall(rf"^{mark} (D[0-9]+: .*)$", text, re.MULTILINE)]


def test_the_list_of_decisions_is_what_the_areas_hold_and_no_number_stands_twice() -> None:
    """Went red when a line was taken out of docs/decisions.md, and when two decisions had the number D9."""
    texts = {document.name: document.text for document in documents()}
    held, listed = decisions([texts[area] for area in AREAS], "##"), decisions([texts[DECISIONS]], "-")
    assert held == listed
    numbers = sorted(int(line.partition(":")[0][1:]) for line in held)
    assert numbers == list(range(1, len(held) + 1))


def test_every_file_that_a_document_names_exists() -> None:
    """Went red when a file name in CONTRIBUTING.md was misspelt."""
    assert [line for document in documents() for line in missing_files(document)] == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("open `api/made_up.py`", ["README.md: api/made_up.py"]),
        ("open `NOTES.md`", ["README.md: NOTES.md"]),
        ("```\npython deploy/bin/made_up\n```", ["README.md: deploy/bin/made_up"]),
        ("see [the rules](docs/made_up.md)", ["README.md: docs/made_up.md"]),
        ("open `pyproject.toml`, `api/` and `migrations/runner.py`", []),
        ("`curl http://localhost:4000/api/v1/routes` and `api/<noun>/routes.py` and `/etc/nginx/nginx.conf`", []),
    ],
)
def test_a_file_that_does_not_exist_is_found(text: str, missing: list[str]) -> None:
    assert list(missing_files(Source("README.md", text))) == missing


def test_every_make_target_that_a_document_names_exists() -> None:
    """Went red when `make tests` was written into CONTRIBUTING.md."""
    assert [line for document in documents() for line in missing_targets(document)] == []


def test_a_make_target_that_does_not_exist_is_found() -> None:
    text = "Type `make up`, then `make coffee`; to make sense of it, read on."
    assert missing_targets(Source("README.md", text)) == ["README.md: make coffee"]


def test_every_variable_that_a_document_names_is_a_setting() -> None:
    """Went red when LOOPCTL_KEK_FILE was written into deploy/README.md."""
    assert [line for document in documents() for line in missing_variables(document)] == []


def test_a_variable_that_is_no_setting_is_found() -> None:
    text = "Set LOOPCTL_PORT, LOOPCTL_KEKS_FILE or LOOPCTL_PROT."
    assert missing_variables(Source("README.md", text)) == ["README.md: LOOPCTL_PROT"]
