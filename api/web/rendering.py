"""From a template and what it shows to an answer. Whatever is put into a template is escaped."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response

from api.discovery.well_known import REPOSITORY
from api.http.page_headers import PAGE
from api.web.files import HERE
from api.web.words import FILTERS

NO_STORE = {"Cache-Control": "no-store"}

TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,  # of every template, whatever its name ends in
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
TEMPLATES.filters.update(FILTERS)
TEMPLATES.globals["github"] = REPOSITORY


def html(template: str, values: Mapping[str, Any]) -> bytes:
    return TEMPLATES.get_template(template).render(values).encode()


def page(template: str, status: int = 200, **values: Any) -> Response[bytes]:
    """A public page: the same for everybody."""
    return Response(html(template, values), status_code=status, media_type="text/html", headers=PAGE)
