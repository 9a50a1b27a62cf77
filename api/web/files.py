"""What pages load beside themselves: our style and scripts, and the fonts and scripts that set-up has installed.

Each is read once, and goes out under a tag of its content, so that a browser asks again and is told that it knows it.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

HERE = Path(__file__).parent

STYLE = (
    "tokens", "base", "layout", "buttons", "forms", "cards", "badges", "tables", "code", "figures", "ticks", "public",
    "board", "graph", "verify", "custody",
)  # fmt: skip
"""One file for each concern, sent as one, in this order: the later one may say more about what is before it."""

INSTALLED = {
    "geist.ttf": ("fontpkg_geist", "files/Geist[wght].ttf"),
    "geist-mono.ttf": ("fontpkg_geist_mono", "files/GeistMono[wght].ttf"),
    "htmx.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
    "htmx-sse.js": ("django_htmx", "static/django_htmx/ext/hx-sse-2.min.js"),
}
"""By the name under which it is sent: the package that holds it as data, and where."""

KINDS = {".css": "text/css", ".js": "text/javascript", ".ttf": "font/ttf", ".svg": "image/svg+xml", ".png": "image/png"}


class FilesMissing(Exception):
    """The message says what to do."""


class File(Struct, frozen=True):
    content: bytes
    media_type: str
    etag: str


@cache
def file(name: str) -> File:
    """Raises KeyError for a name that is not served, FilesMissing when set-up was not run."""
    content = _read(name)
    return File(content, KINDS[Path(name).suffix], f'"{sha256(content).hexdigest()[:16]}"')


def _read(name: str) -> bytes:
    if name == "app.css":
        return b"\n".join((HERE / "css" / f"{part}.css").read_bytes() for part in STYLE)
    if name in INSTALLED:
        return _installed(*INSTALLED[name])
    if name in own_files():
        return (HERE / ("js" if name.endswith(".js") else "images") / name).read_bytes()
    raise KeyError(name)


@cache
def own_files() -> Sequence[str]:
    """Scripts and pictures by their names: nothing outside this list can be named."""
    return sorted(path.name for folder in ("js", "images") for path in (HERE / folder).glob("*.*"))


def _installed(package: str, place: str) -> bytes:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FilesMissing(f"{package} is not installed: run `make setup`.")
    return (Path(spec.submodule_search_locations[0]) / place).read_bytes()
