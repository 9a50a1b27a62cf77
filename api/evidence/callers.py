"""Who asks with a CI's token: a caller of the project that the token is for, and of nothing else."""

from collections.abc import Awaitable, Callable

from api.evidence.issuer_keys import IssuerKeys
from api.evidence.tokens import check_token
from api.http.asking import CiUse
from api.http.refusal import Refused
from api.services import Services
from domain.caller import Caller, Role
from domain.ci_trust import CiJob, CiTrust, distrusted, trust_id
from domain.tenant_settings import read_settings
from egress.client import Egress
from projections.rows.ci_trusts import find_trust
from projections.rows.tenants import find_tenant

FindCi = Callable[[str, CiUse], Awaitable[Caller]]


def callers_of_ci(services: Services, egress: Egress) -> FindCi:
    """From a token, to a caller. Raises Refused."""
    keys, issuers = IssuerKeys(egress, services.clock), services.settings.issuers()

    async def find(token: str, use: CiUse) -> Caller:
        checked = await check_token(keys, issuers, token)
        async with services.reading(checked.tenant_id) as tx:
            tenant, trust = await find_tenant(tx), await find_trust(tx, checked.job.project_id)
        check_trusted(trust, checked.job, use)
        if tenant is None or tenant.status != "active":
            raise Refused("tenant_inactive")
        settings, who = read_settings(tenant.settings), checked.job.identity
        return Caller(
            tenant_id=checked.tenant_id, key_id=trust_id(checked.job.project_id), key_name=who.repository,
            role=Role.AGENT, requests_per_minute=settings.rate_limit_requests_per_minute, ci=checked.job,
        )  # fmt: skip

    return find


def check_trusted(trust: CiTrust | None, job: CiJob, use: CiUse) -> None:
    """Raises Refused: said in words of the token, so that who only guesses hears nothing of what is trusted."""
    if what := distrusted(trust, job, reading=use == "read"):
        raise Refused("ci_not_trusted", f"The project does not trust {what}. A user sets what it trusts: docs/ci.md.")
