"""Nothing in the tree that only one machine has, that names a registry, or that is secret."""

import re

import pytest

from tests.house.forbidden_text import checksum, complaints, unlocked
from tests.house.tree import CHECKOUT, Source, names, sources

LARGEST_KIBIBYTES = 1536
"""The OpenAPI document that was agreed to has more than 1,000, and grows with every route."""

MADE_UP = {
    "host of a package registry": "see https://" + "pypi" + ".org/simple",
    "option that names a package index": "pip install --index" + "-url https://example.com/simple",
    "path of one machine": "cd /" + "root/loopctl",
    "private key": "-----BEGIN" + " EC PRIVATE" + " KEY-----",
    "API key": "lc_" + "0123456789" * 3 + "abcd" + checksum("lc_" + "0123456789" * 3 + "abcd"),
}


def test_the_tree_holds_no_hosts_paths_or_secrets() -> None:
    """Went red for each line of MADE_UP above written into a new file under docs/."""
    assert [line for source in sources() for line in complaints(source)] == []


@pytest.mark.parametrize("what", MADE_UP)
def test_each_forbidden_text_is_found(what: str) -> None:
    assert complaints(Source("docs/made_up.md", f"first line\n{MADE_UP[what]}\n")) == [f"docs/made_up.md:2: {what}"]


def test_a_key_shaped_text_without_its_checksum_is_an_example() -> None:
    assert complaints(Source("README.md", "lc_" + "x" * 40)) == []


def test_an_option_that_keeps_hosts_out_is_not_one_that_names_them() -> None:
    assert complaints(Source("Makefile", "uv pip compile --no-emit-index" + "-url")) == []


def test_every_lock_file_pins_versions_and_hashes() -> None:
    """Went red when one --hash line was removed from requirements-assets.lock."""
    locks = [source for source in sources(".lock") if source.package == ""]
    assert {lock.name for lock in locks} >= {"requirements.lock", "requirements-dev.lock", "requirements-assets.lock"}
    assert [line for lock in locks for line in unlocked(lock)] == []


def test_a_requirement_without_a_hash_or_version_is_found() -> None:
    pinned = "six==1.17.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"
    assert unlocked(Source("requirements.lock", pinned)) == []
    assert unlocked(Source("requirements.lock", pinned + "attrs==26.1.0\n")) == ["requirements.lock: attrs==26.1.0"]
    assert unlocked(Source("requirements.lock", pinned.replace("==1.17.0", ""))) != []
    assert unlocked(Source("requirements.lock", "-r other.txt\n")) == ["requirements.lock: -r other.txt"]


def test_no_file_is_large_and_none_is_what_a_build_makes() -> None:
    """Went red when a wheel of 2 MiB was put under docs/."""
    sizes = {name: (CHECKOUT / name).stat().st_size // 1024 for name in names()}
    assert {name: size for name, size in sizes.items() if size > LARGEST_KIBIBYTES} == {}
    made = re.compile(r"\.(whl|egg|pyc|so|tar\.gz|zip)$|(^|/)(node_modules|__pycache__|dist|build)/|(^|/)uv\.lock$")
    assert [name for name in names() if made.search(name)] == []
