"""The verifier of the browser as it is sent: module by module, as it was written, so that anybody can read it."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from api.web.files import File

HERE = Path(__file__).parent / "js"


@cache
def file(name: str) -> File:
    """Raises KeyError for a name that is not served."""
    content = _modules()[name].read_bytes()
    return File(content, "text/javascript", f'"{sha256(content).hexdigest()[:16]}"')


@cache
def _modules() -> dict[str, Path]:
    """By their place below /verify: nothing outside this list can be named."""
    return {path.relative_to(HERE).as_posix(): path for path in HERE.rglob("*.js")}
