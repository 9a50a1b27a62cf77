"""UI test runs: /api/v1/projects/:project/ui_test_runs and /api/v1/ui_test_runs. guided.py has the other form."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import LISTS
from api.paths import ProjectPath, UiTestRunPath
from api.projects.examples import META
from api.services import Provided
from api.ui_test_runs.examples import LISTED, RUN
from api.ui_test_runs.guided import ENDED, ERRORS, TAGS
from api.ui_test_runs.running import Runs
from api.ui_test_runs.schemas import FREE, CompleteUiTestBody, StartUiTestBody, UiFindingBody, UiTestRunsQuery

RUNS = "/api/v1/projects/{project:str}/ui_test_runs"
ONE = "/api/v1/ui_test_runs/{ui_test_run_id:uuid}"


@post(
    RUNS,
    opt={"access": "agent+", "errors": ERRORS},
    tags=TAGS,
    summary="Start a UI test run",
    description="Somebody walks through the running application. A guide may be named.",
    status_code=201,
    responses=answers(201, "The run", {"data": {**RUN, "findings": [], "findings_count": 0}}),
)
async def start_ui_test_run(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[StartUiTestBody]
) -> Response[bytes]:
    return await Runs(FREE, services, asking, project).start(data)


@get(
    RUNS,
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the UI test runs of a project",
    description="The newest first, without their findings. Those along a guide are among them.",
    responses=answers(200, "A page of runs", {"data": [LISTED], "meta": {**META, "total": 1}}),
)
async def list_ui_test_runs(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[UiTestRunsQuery]
) -> dict[str, Any]:
    return await Runs(FREE, services, asking, project).list(wanted, wanted.status or None, LISTS)


@get(
    ONE,
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show a UI test run",
    responses=answers(200, "The run with its findings", {"data": RUN}),
)
async def show_ui_test_run(services: Provided, asking: Asker, ui_test_run_id: UiTestRunPath) -> dict[str, Any]:
    return await Runs(FREE, services, asking).show(ui_test_run_id)


@post(
    ONE + "/findings",
    opt={"access": "agent+", "errors": ENDED},
    tags=TAGS,
    summary="Add a finding to a UI test run",
    status_code=201,
    responses=answers(201, "The run with its findings", {"data": RUN}),
)
async def add_ui_test_run_finding(
    services: Provided, asking: Asker, ui_test_run_id: UiTestRunPath, data: JSONBody[UiFindingBody]
) -> Response[bytes]:
    return await Runs(FREE, services, asking).add(ui_test_run_id, data, 201)


@post(
    ONE + "/complete",
    opt={"access": "agent+", "errors": ENDED},
    tags=TAGS,
    summary="Complete a UI test run",
    description="Without a status it is failed when a finding is critical, high, a blocker or a bug, else passed.",
    status_code=200,
    responses=answers(200, "The run with its findings", {"data": {**RUN, "status": "failed", "summary": "One bug"}}),
)
async def complete_ui_test_run(
    services: Provided, asking: Asker, ui_test_run_id: UiTestRunPath, data: JSONBody[CompleteUiTestBody]
) -> Response[bytes]:
    return await Runs(FREE, services, asking).complete(ui_test_run_id, data)


@post(
    ONE + "/cancel",
    opt={"access": "agent+", "errors": ENDED},
    tags=TAGS,
    summary="Cancel a UI test run",
    status_code=200,
    responses=answers(200, "The run with its findings", {"data": {**RUN, "status": "cancelled"}}),
)
async def cancel_ui_test_run(services: Provided, asking: Asker, ui_test_run_id: UiTestRunPath) -> Response[bytes]:
    return await Runs(FREE, services, asking).cancel(ui_test_run_id)


ROUTES: Sequence[HTTPRouteHandler] = (
    start_ui_test_run,
    list_ui_test_runs,
    show_ui_test_run,
    add_ui_test_run_finding,
    complete_ui_test_run,
    cancel_ui_test_run,
)
