"""UI test runs along a guide: /api/v1/projects/:project/ui-tests."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import Sizes
from api.paths import ProjectPath, UiTestRunPath
from api.projects.examples import META
from api.services import Provided
from api.ui_test_runs.examples import GUIDED as EXAMPLE
from api.ui_test_runs.running import Runs
from api.ui_test_runs.schemas import (
    GUIDED,
    CompleteGuidedUiTestBody,
    GuidedUiTestsQuery,
    StartGuidedUiTestBody,
    UiTestFindingBody,
)

TAGS = ["UI tests"]
ERRORS = ("idempotency_key_reused",)
ENDED = ("ui_test_run_ended", *ERRORS)
RUNS = "/api/v1/projects/{project:str}/ui-tests"
ONE = RUNS + "/{ui_test_run_id:uuid}"
SIZES = Sizes(own="limit")
LISTED = {name: value for name, value in EXAMPLE.items() if name != "findings"}


@post(
    RUNS,
    opt={"access": "agent+", "errors": ERRORS},
    tags=TAGS,
    summary="Start a UI test along a guide",
    status_code=201,
    responses=answers(201, "The run", {"ui_test_run": {**EXAMPLE, "findings": [], "findings_count": 0}}),
)
async def start_ui_test(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[StartGuidedUiTestBody]
) -> Response[bytes]:
    return await Runs(GUIDED, services, asking, project).start(data)


@get(
    RUNS,
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the UI tests of a project",
    description="The newest first, without their findings. Those that were started in the other form are among them.",
    responses=answers(200, "A page of runs", {"data": [LISTED], "meta": {**META, "total": 1}}),
)
async def list_ui_tests(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[GuidedUiTestsQuery]
) -> dict[str, Any]:
    return await Runs(GUIDED, services, asking, project).list(wanted, wanted.status or None, SIZES)


@get(
    ONE,
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show a UI test",
    responses=answers(200, "The run with its findings", {"ui_test_run": EXAMPLE}),
)
async def show_ui_test(
    services: Provided, asking: Asker, project: ProjectPath, ui_test_run_id: UiTestRunPath
) -> dict[str, Any]:
    return await Runs(GUIDED, services, asking, project).show(ui_test_run_id)


@post(
    ONE + "/findings",
    opt={"access": "agent+", "errors": ENDED},
    tags=TAGS,
    summary="Add a finding to a UI test",
    description="Without a severity it is low.",
    status_code=200,
    responses=answers(200, "The run with its findings", {"ui_test_run": EXAMPLE}),
)
async def add_ui_test_finding(
    services: Provided, asking: Asker, project: ProjectPath, ui_test_run_id: UiTestRunPath,
    data: JSONBody[UiTestFindingBody],
) -> Response[bytes]:  # fmt: skip
    return await Runs(GUIDED, services, asking, project).add(ui_test_run_id, data, 200)


@post(
    ONE + "/complete",
    opt={"access": "agent+", "errors": ENDED},
    tags=TAGS,
    summary="Complete a UI test",
    status_code=200,
    responses=answers(
        200, "The run with its findings", {"ui_test_run": {**EXAMPLE, "status": "failed", "summary": "One bug"}}
    ),
)
async def complete_ui_test(
    services: Provided, asking: Asker, project: ProjectPath, ui_test_run_id: UiTestRunPath,
    data: JSONBody[CompleteGuidedUiTestBody],
) -> Response[bytes]:  # fmt: skip
    return await Runs(GUIDED, services, asking, project).complete(ui_test_run_id, data)


@post(
    ONE + "/cancel",
    opt={"access": "agent+", "errors": ENDED},
    tags=TAGS,
    summary="Cancel a UI test",
    status_code=200,
    responses=answers(200, "The run with its findings", {"ui_test_run": {**EXAMPLE, "status": "cancelled"}}),
)
async def cancel_ui_test(
    services: Provided, asking: Asker, project: ProjectPath, ui_test_run_id: UiTestRunPath
) -> Response[bytes]:
    return await Runs(GUIDED, services, asking, project).cancel(ui_test_run_id)


ROUTES: Sequence[HTTPRouteHandler] = (
    start_ui_test,
    list_ui_tests,
    show_ui_test,
    add_ui_test_finding,
    complete_ui_test,
    cancel_ui_test,
)
