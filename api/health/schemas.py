"""The answers about health."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Outcome = Literal["ok", "error"]
Status = Literal["ok", "degraded", "sealed"]


class Checks(Struct, frozen=True):
    """What the service needs, asked one by one."""

    database: Annotated[Outcome, Meta(description="PostgreSQL answers a query")]
    redis: Annotated[Outcome, Meta(description="Redis answers")]
    jobs: Annotated[Outcome, Meta(description="A worker has lately shown a sign of life")]
    oban: Annotated[Outcome, Meta(description="The same as jobs, under the name that older clients read")]
    replication: (
        Annotated[Outcome, Meta(description="A commit gets to the synchronous standby, where the operator demands one")]
        | UnsetType
    ) = UNSET


class Health(Struct, frozen=True):
    """``reason`` only when sealed."""

    status: Annotated[
        Status,
        Meta(description="degraded: a check fails; sealed: the keys at rest are missing"),
    ]
    version: Annotated[str, Meta(description="Version of the service", examples=["1.0.0"])]
    checks: Checks
    reason: Annotated[str, Meta(description="Why it is sealed")] | UnsetType = UNSET


class Alive(Struct, frozen=True):
    """For probes that read only the status line."""

    status: Annotated[Literal["ok", "unavailable"], Meta(description="ok together with HTTP 200")]
