"""The wiki as a ZIP of Markdown files."""

import asyncio
from collections.abc import Sequence
from io import BytesIO
from typing import Any
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from api.http.asking import Asker, Asking
from api.http.refusal import Refused
from api.knowledge.articles import TAGS
from api.paths import ProjectPath
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from domain.knowledge.exporting import MOST_EXPORTED, Exported, files_of
from projections.queries.article_export import exported_articles, size_of

ZIP = "application/zip"
MOST_BYTES = 100_000_000
"""Of texts, which are held while they are packed."""
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The same articles are the same bytes, whenever they are packed."""
EXPORTING: dict[str, Any] = {
    "opt": {"access": "orchestrator+", "any_accept": True},
    "tags": TAGS,
    "description": f"Published articles as Markdown with front matter, one file each, and an index; Obsidian opens it. "
    f"At most {MOST_EXPORTED} articles. `loopctl knowledge import` takes it back.",
    "media_type": ZIP,
    "responses": {200: ResponseSpec(bytes, False, "The archive", ZIP)},
}


@get("/api/v1/knowledge/export", summary="Export the wiki", **EXPORTING)
async def export_knowledge(services: Provided, asking: Asker) -> Response[bytes]:
    return await _export(services, asking, None)


@get("/api/v1/projects/{project:str}/knowledge/export", summary="Export what is known for a project", **EXPORTING)
async def export_knowledge_of_project(services: Provided, asking: Asker, project: ProjectPath) -> Response[bytes]:
    project_id = await project_id_of(services, asking, project)
    await check_there(services, asking, project_id)
    return await _export(services, asking, project_id)


async def _export(services: Services, asking: Asking, project_id: UUID | None) -> Response[bytes]:
    async with services.reading(asking.caller.tenant_id) as tx:
        articles, size = await size_of(tx, project_id)
        if articles > MOST_EXPORTED or size > MOST_BYTES:
            raise Refused(
                "payload_too_large",
                f"{articles} articles with {size} bytes are more than one export holds: {MOST_EXPORTED} articles, "
                f"{MOST_BYTES} bytes. Export project by project",
            )
        found = await exported_articles(tx, project_id)
    packed = await asyncio.to_thread(pack, found)
    name = f"knowledge-export-{services.utc_now():%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(packed, media_type=ZIP, headers=headers)


def pack(articles: Sequence[Exported]) -> bytes:
    block = BytesIO()
    with ZipFile(block, "w", ZIP_DEFLATED) as archive:
        for path, text in files_of(articles):
            archive.writestr(ZipInfo(path, FIRST_DAY), text.encode(), ZIP_DEFLATED)
    return block.getvalue()


ROUTES: Sequence[HTTPRouteHandler] = (export_knowledge, export_knowledge_of_project)
