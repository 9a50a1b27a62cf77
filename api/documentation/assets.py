"""The browser files of Swagger UI, which set-up installs as the data of a package that is never imported."""

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "flask_swagger_ui"

KINDS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "index.css": "text/css",
    "favicon-16x16.png": "image/png",
    "favicon-32x32.png": "image/png",
}
"""All that is served of it, with its media type. Nothing outside this list can be named."""


class AssetsMissing(Exception):
    """The message says what to do."""


class Assets:
    """Reads each file once."""

    def __init__(self, package: str = PACKAGE) -> None:
        self._package = package
        self._read: dict[str, bytes] = {}

    def file(self, name: str) -> bytes:
        """Raises KeyError for a name that is not served, AssetsMissing when set-up was not run."""
        if name not in KINDS:
            raise KeyError(name)
        if name not in self._read:
            try:
                self._read[name] = (self._folder() / name).read_bytes()
            except OSError as error:
                raise AssetsMissing(f"{name} of Swagger UI is not installed: run `make setup`.") from error
        return self._read[name]

    def _folder(self) -> Path:
        spec = find_spec(self._package)
        if spec is None or not spec.submodule_search_locations:
            raise AssetsMissing("The browser files of Swagger UI are not installed: run `make setup`.")
        return Path(spec.submodule_search_locations[0]) / "dist"
