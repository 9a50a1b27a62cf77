"""Text that must not be in the tree. Written in pieces, so that this file does not hold what it forbids."""

import re
import zlib
from collections.abc import Iterator

from tests.house.tree import Source

REGISTRY_HOSTS = re.compile(
    "|".join(
        ("pypi" + r"\.org", "python" + "hosted", r"registry\.npm" + "js", r"deb\.debian" + r"\.org", "crates" + r"\.io")
    )
)
INDEX_OPTIONS = re.compile(
    r"(?<![\w-])--(?:extra-)?(?:index" + r"-url|find" + r"-links|trusted" + r"-host)\b"
    r"|\b(?:PIP|UV)_(?:EXTRA_|DEFAULT_)?(?:INDEX|FIND_LINKS|TRUSTED_HOST)"
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|farm|root" + r"|home/\w+|Users/\w+)/")
PRIVATE_KEYS = re.compile("-----BEGIN" + " [A-Z ]*PRIVATE" + " KEY-----")
API_KEYS = re.compile(r"\b(?:lc|lce)_[0-9A-Za-z]{40}\b")

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def complaints(source: Source) -> list[str]:
    """Line by line what does not belong, the text itself left out because it may be a secret."""
    said = []
    for number, line in enumerate(source.text.splitlines(), start=1):
        said += [f"{source.name}:{number}: {what}" for what in _found(line)]
    return said


def _found(line: str) -> Iterator[str]:
    if REGISTRY_HOSTS.search(line):
        yield "host of a package registry"
    if INDEX_OPTIONS.search(line):
        yield "option that names a package index"
    if MACHINE_PATHS.search(line):
        yield "path of one machine"
    if PRIVATE_KEYS.search(line):
        yield "private key"
    if any(_has_checksum(key) for key in API_KEYS.findall(line)):
        yield "API key"


def _has_checksum(key: str) -> bool:
    """Only real keys: the last six characters are the CRC32 of everything before them, in base 62 (spec 06, 4.1)."""
    return key[-6:] == checksum(key[:-6])


def checksum(text: str) -> str:
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = BASE62[digit] + digits
    return digits


def unlocked(source: Source) -> list[str]:
    """Requirements of a lock file that are not pinned to one version and at least one hash."""
    joined = source.text.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]
    locked = re.compile(r"[A-Za-z0-9._-]+(\[[^\]]+\])?==\S+( ;.*?)?( +--hash=sha256:[0-9a-f]{64})+")
    return [f"{source.name}: {line[:60]}" for line in lines if not locked.fullmatch(line)]
