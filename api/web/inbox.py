"""What waits for somebody, with the command that does it."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, structs

from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.services import Provided
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from api.web.waiting import waiting


class InboxQuery(ShownQuery, frozen=True, kw_only=True):
    needs: Annotated[str, Meta(max_length=40, description="Only what this role is needed for")] = ""


@get("/app/inbox", opt=OF_SESSION, include_in_schema=False, summary="What waits for somebody")
async def show_inbox(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[InboxQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    every = await waiting(reader)
    chosen = [each for each in every if wanted.needs in ("", each.needs)]
    if wanted.format != "html":
        return table([structs.asdict(each) for each in chosen], wanted.format, "waiting")
    needs = sorted({each.needs for each in every})
    return await shown(
        reader, sent_headers, "inbox.html", active="inbox", items=chosen, total=len(every), needs=needs, wanted=wanted
    )


ROUTES: Sequence[HTTPRouteHandler] = (show_inbox,)
