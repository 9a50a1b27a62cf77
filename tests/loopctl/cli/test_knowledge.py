"""`loopctl knowledge` against a real server: filed, published, found, exported and brought back; hostile archives."""

import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopctl.cli.exits import Stop
from loopctl.cli.knowledge_files import LARGEST_FILE, read_articles
from tests.loopctl.cli.conftest import Keys, made_by_the_operator
from tests.loopctl.cli.shell import Shell
from tests.support.running import Run

TIMES = re.compile(r'^(?:created|updated)_at: ".*"$', re.MULTILINE)


def test_an_article_goes_from_a_file_to_a_context(shell: Shell, keys: Keys, tmp_path: Path) -> None:
    text = tmp_path / "retries.md"
    text.write_text("Two layers that retry multiply.\n")
    made = shell.good(
        "knowledge", "create", "--title", "Zebra retries", "--category", "pattern", "--file", str(text), "--tags",
        "a,b", key=keys.implementer,
    )["data"]  # fmt: skip
    assert (made["status"], made["tags"]) == ("draft", ["a", "b"])
    assert made["id"] in {each["id"] for each in shell.good("knowledge", "drafts", key=keys.user)["data"]}
    assert shell.good("knowledge", "publish", made["id"])["data"]["status"] == "published"
    assert shell.good("knowledge", "search", "zebra")["data"][0]["id"] == made["id"]
    assert shell.good("knowledge", "context", "zebra", "--max-tokens", "500")["data"][0]["body"] == made["body"]
    assert shell("knowledge", "get", made["id"], "--text").out == "Two layers that retry multiply.\n"
    assert "Zebra retries" in json.dumps(shell.good("knowledge", "index"))
    assert shell.good("knowledge", "lint")["summary"]["total_articles"] >= 1


def test_a_file_is_read_in_and_becomes_a_draft(shell: Shell, keys: Keys, tmp_path: Path) -> None:
    text = tmp_path / "notes.md"
    text.write_text("# Quagga notes\n\nKept.\n")
    queued = shell.good("knowledge", "ingest", str(text), "--file", key=keys.user)["data"]
    assert (queued["status"], queued["source_type"]) == ("queued", "manual")
    again = shell.good("knowledge", "ingest", str(text), "--file", key=keys.user)["data"]
    assert (again["status"], again["id"]) == ("already_queued", queued["id"])
    deadline = time.monotonic() + 120
    while "Quagga notes" not in str(shell.good("knowledge", "drafts", key=keys.user)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    (job,) = [
        each for each in shell.good("knowledge", "ingestions", key=keys.user)["data"] if each["id"] == queued["id"]
    ]
    assert (job["state"], job["article_count"]) == ("completed", 1)


def archive(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in files.items():
            opened.writestr(f"pattern/{name}.md", text)
    return path


def article(title: str, body: str, *more: str) -> str:
    return "\n".join(["---", f'title: "{title}"', "category: pattern", *more, "---", "", body, ""])


def texts(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as opened:
        return {name: TIMES.sub("", opened.read(name).decode()) for name in opened.namelist()}


def test_what_is_exported_and_imported_elsewhere_is_exported_the_same(
    shell: Shell, keys: Keys, running: Run, tmp_path: Path
) -> None:
    """But for the times of filing and of changes, which are those of the new articles."""
    related = '\n\n## Related Articles\n\n- [[Zwei]] (derived_from)\n- [[Drei \\ "3"]] (contradicts)'
    made = archive(
        tmp_path / "made.zip", a=article("Eins", "# Text\n\n## Related Articles\n\nnone" + related, "tags:", "  - b"),
        b=article("Zwei", "zwei\n\n"), c=article('Drei \\\\ \\"3\\"', "drei", "slug: drei"),
    )  # fmt: skip
    assert shell.good("knowledge", "import", str(made), "--publish") == {"created": 3, "present": 0, "links": 2}
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    shell("knowledge", "export", str(first))
    assert shell.good("knowledge", "import", str(first), "--publish")["created"] == 0
    elsewhere = made_by_the_operator(
        running, "create-tenant", "--name", "Other", "--slug", "knowing", "--email", "k@other.example"
    )
    brought = shell.good("knowledge", "import", str(first), "--publish", key=elsewhere)
    assert brought["links"] >= 2
    shell("knowledge", "export", str(second), key=elsewhere)
    assert texts(second) == texts(first)


HOSTILE: dict[str, Callable[[Path], object]] = {
    "no archive": lambda path: path.write_bytes(b"PK no"),
    "an empty one": archive,
    "no front matter": lambda path: archive(path, a="text"),
    "no category": lambda path: archive(path, a='---\ntitle: "a"\n---\n\nx\n'),
    "a bomb": lambda path: archive(path, a=article("a", "x" * (LARGEST_FILE + 1))),
    "many bombs": lambda path: archive(path, **{f"a{n}": article("a", "x" * 900_000) for n in range(230)}),
    "no text": lambda path: archive(path, a=article("a", " ")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_that_is_none_or_too_large_is_refused_before_anything_is_sent(name: str, tmp_path: Path) -> None:
    file = tmp_path / "hostile.zip"
    HOSTILE[name](file)
    with pytest.raises(Stop) as stopped:
        read_articles(file)
    assert stopped.value.message


def test_an_archive_that_lies_about_its_sizes_is_found_out(tmp_path: Path) -> None:
    file = archive(tmp_path / "lying.zip", a=article("a", "x" * (2 * LARGEST_FILE)))
    raw = file.read_bytes()
    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        size = opened.infolist()[0].file_size
    file.write_bytes(raw.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises((Stop, zipfile.BadZipFile)):
        read_articles(file)


def test_a_folder_of_files_is_read_as_an_archive_is(tmp_path: Path) -> None:
    archive(tmp_path / "a.zip", a=article("A", "text", "tags:", "  - x"))
    folder = tmp_path / "pattern"
    folder.mkdir()
    (folder / "a.md").write_text(article("A", "text", "tags:", "  - x"))
    found: Any = read_articles(tmp_path / "a.zip")
    assert read_articles(folder) == found
