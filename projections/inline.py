"""The read models that are written in the transaction of their events: what a caller reads back at once."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from domain.event import Recorded
from eventstore.transaction import TenantTx
from projections import api_keys, project_list, tenant_directory


class Projection(Struct, frozen=True):
    """``table`` in full; ``apply`` takes in a run of events of one tenant, in a fixed number of statements."""

    table: str
    apply: Callable[[TenantTx, Sequence[Recorded]], Awaitable[None]]


PROJECTIONS = (
    Projection("app.tenant", tenant_directory.apply),
    Projection("app.api_key", api_keys.apply),
    Projection("app.project", project_list.apply),
)
INLINE = tuple(projection.apply for projection in PROJECTIONS)
MODELS = {model.name: model for model in (project_list.TakenSlug(), project_list.ActiveProjects())}
