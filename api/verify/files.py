"""The verifier of the browser as it is sent: module by module, as it was written, so that anybody can read it."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

HERE = Path(__file__).parent / "js"
PAGE = Path(__file__).parent / "page.html"
KINDS = {".js": "text/javascript", ".css": "text/css"}


class File(Struct, frozen=True):
    content: bytes
    media_type: str
    etag: str


@cache
def file(name: str) -> File:
    """Raises KeyError for a name that is not served."""
    content = _files()[name].read_bytes()
    return File(content, KINDS[Path(name).suffix], f'"{sha256(content).hexdigest()[:16]}"')


@cache
def page() -> bytes:
    return PAGE.read_bytes()


@cache
def _files() -> dict[str, Path]:
    """By their place below /verify: nothing outside this list can be named."""
    return {path.relative_to(HERE).as_posix(): path for path in HERE.rglob("*") if path.suffix in KINDS}
