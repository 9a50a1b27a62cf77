"""What happens to a UI test run, whichever form it is asked for in."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from litestar import Response

from api.commands import carry_out, origin
from api.http.asking import Asking
from api.pages import PageQuery, Sizes, page_of
from api.projects.routes import project_id_of
from api.services import Services
from api.ui_test_runs.schemas import (
    CompleteUiTestBody,
    Form,
    StartUiTestBody,
    UiTestFindingBody,
    listed_body,
    run_body,
)
from domain.errors import NotFound
from domain.event import Event, Recorded, Stream
from domain.ui_test_run import UiTestRun, add_finding, cancel_run, complete_run, start_run
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.projects import PROJECTS, find_project
from projections.rows.ui_test_runs import FINDINGS_OF_RUN, UI_TEST_RUNS, find_run, list_runs


class Runs:
    """In one form, for one caller. ``project`` is what the path names, None where it names none."""

    def __init__(self, form: Form, services: Services, asking: Asking, project: str | None = None) -> None:
        self._form = form
        self._services = services
        self._asking = asking
        self._project = project

    async def start(self, data: StartUiTestBody) -> Response[bytes]:
        project_id = await project_id_of(self._services, self._asking, self._project or "")
        stream, need = Stream("ui_test_run", self._services.new_id()), PROJECTS.need(project_id)
        agent_id = self._asking.caller.agent_id

        def decide(known: Known) -> Sequence[Change]:
            existing(known, need)
            started = start_run(project_id, data.guide_reference, data.notes, agent_id, guided=self._form.guided)
            return [Change(stream, started)]

        return await self._carry_out(stream, decide, need, status=201)

    async def add(self, run_id: UUID, data: UiTestFindingBody, status: int) -> Response[bytes]:
        finding_id, wish = self._services.new_id(), data.wish(self._form, self._asking.caller.agent_id)
        return await self._change(run_id, lambda run: add_finding(run, finding_id, wish), status)

    async def complete(self, run_id: UUID, data: CompleteUiTestBody) -> Response[bytes]:
        status = data.status or None
        return await self._change(
            run_id, lambda run: complete_run(run, status, data.summary, said=self._form.guided)
        )  # fmt: skip

    async def cancel(self, run_id: UUID) -> Response[bytes]:
        return await self._change(run_id, cancel_run)

    async def show(self, run_id: UUID) -> dict[str, Any]:
        project_id = await self._project_id()
        async with self._services.reading(self._asking.caller.tenant_id) as tx:
            found = await find_run(tx, run_id)
        if found is None or project_id not in (None, found[0].project_id):
            raise NotFound("Not found")
        return run_body(self._form, self._asking.caller.tenant_id, *found)

    async def list(self, wanted: PageQuery, status: str | None, sizes: Sizes) -> dict[str, Any]:
        page, tenant_id = page_of(wanted, sizes), self._asking.caller.tenant_id
        project_id = await project_id_of(self._services, self._asking, self._project or "")
        kept = "in_progress" if status == self._form.under_way else status
        async with self._services.reading(tenant_id) as tx:
            if await find_project(tx, project_id) is None:
                raise NotFound("Not found")
            found, total = await list_runs(tx, project_id, kept, page.limit, page.offset)
        answer = page.answer([listed_body(self._form, tenant_id, run) for run in found], total)
        return {**answer, "meta": {**answer["meta"], "total": total}}

    async def _change(self, run_id: UUID, happens: Callable[[UiTestRun], Event], status: int = 200) -> Response[bytes]:
        """A run of another project than the path's is not there."""
        project_id, stream, need = await self._project_id(), Stream("ui_test_run", run_id), UI_TEST_RUNS.need(run_id)

        def decide(known: Known) -> Sequence[Change]:
            run = existing(known, need)
            if project_id not in (None, run.project_id):
                raise NotFound("Not found")
            return [Change(stream, happens(run))]

        return await self._carry_out(stream, decide, status=status)

    async def _carry_out(
        self, stream: Stream, decide: Callable[[Known], Sequence[Change]], *needs: Any, status: int
    ) -> Response[bytes]:
        need, findings, tenant_id = (
            UI_TEST_RUNS.need(stream.id),
            FINDINGS_OF_RUN.need(stream.id),
            self._asking.caller.tenant_id,
        )

        def answer(known: Known, _: Sequence[Recorded]) -> Any:
            found = known[findings]
            return run_body(self._form, tenant_id, existing(known, need), found)

        command = Command(
            origin=origin(self._services, self._asking), decide=decide, answer=answer, streams=(stream,),
            needs=(need, findings, *needs), status=status,
        )  # fmt: skip
        return await carry_out(self._services, self._asking, command)

    async def _project_id(self) -> UUID | None:
        if self._project is None:
            return None
        return await project_id_of(self._services, self._asking, self._project)
