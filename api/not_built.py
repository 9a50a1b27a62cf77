"""Routes of the contracts that are not built yet: they answer 501, to those who may come in, and are in no list.

A route that is built loses its line here, or the start fails: two handlers for one path.
"""

from collections.abc import Iterator, Sequence

from litestar.handlers import HTTPRouteHandler, delete, get, patch, post, put

METHODS = {"GET": get, "POST": post, "PUT": put, "PATCH": patch, "DELETE": delete}
KNOWN_IDS = {
    "stories": "{story_id:uuid}",
    "projects": "{project:str}",
    "tenants": "{tenant_id:uuid}",
    "articles": "{article_id:uuid}",
}
"""Placeholders as the routes that are built have them: the router wants one type at each place."""

UNDER_API = """
GET token-usage agent+
GET admin/audit =superadmin
POST verification-runs/:id/results =orchestrator
POST stories/:id/cancel orchestrator+
POST stories/:id/defer orchestrator+
POST stories/:id/reopen orchestrator+
"""
"""Methods, path after /api/v1/, and who may."""


async def not_built() -> None:
    """Never called: the shell refuses as soon as it knows who asks."""


def _handlers(base: str, lines: str) -> Iterator[HTTPRouteHandler]:
    for line in lines.strip().splitlines():
        methods, path, access = line.split()
        for method in methods.split(","):
            opt = {"access": access, "any_accept": access == "public", "not_built": f"{method} {base}{path}"}
            yield METHODS[method](base + _template(path), opt=opt)(not_built)


def _template(path: str) -> str:
    parts = path.split("/")
    return "/".join(
        KNOWN_IDS.get(parts[place - 1], f"{{{part[1:]}_{place}:str}}") if part.startswith(":") else part
        for place, part in enumerate(parts)
    )


NOT_BUILT: Sequence[HTTPRouteHandler] = (*_handlers("/api/v1/", UNDER_API),)
