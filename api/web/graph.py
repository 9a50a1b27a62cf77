"""The dependency graph of a project: drawn on the server, so that it can be read without a script."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from api.dependencies.reading import show_dependency_graph
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.paths import ProjectPath
from api.projects.routes import show_project
from api.services import Provided
from api.web.layout import draw
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from api.web.standing import LANES

MOST_UNLOCKING = 10


@get("/app/projects/{project:str}/graph", opt=OF_SESSION, include_in_schema=False, summary="What depends on what")
async def show_graph(
    services: Provided,
    asking: Asker,
    sent_headers: SentHeaders,
    project: ProjectPath,
    wanted: NamedDependency[ShownQuery],
) -> Response[bytes]:
    reader = Reader(services, asking)
    found = (await reader.read(show_project, project=project))["project"]
    graph = (await reader.read(show_dependency_graph, project=project))["graph"]
    if wanted.format != "html":
        return table(graph["story_dependencies"], wanted.format, f"dependencies-{found['slug']}")
    drawing = draw(graph)
    open_ones = [box for box in drawing.boxes if box.lane != "verified" and box.unlocks]
    unlocking = sorted(open_ones, key=lambda box: -box.unlocks)[:MOST_UNLOCKING]
    alone = sum(len(epic["stories"]) for epic in graph["epics"]) - len(drawing.boxes)
    return await shown(
        reader, sent_headers, "graph.html", active=found["slug"], tab="graph", project=found, drawing=drawing,
        unlocking=unlocking, alone=alone, titles=LANES,
    )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (show_graph,)
