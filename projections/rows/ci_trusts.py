"""Which CI each project trusts."""

from uuid import UUID

from domain.ci_trust import CiTrust, evolve_ci_trust, trust_id
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

CI_TRUSTS = Entity(name="ci_trust", state=CiTrust, identity="trust_id", evolve=evolve_ci_trust)


async def find_trust(tx: TenantTx, project_id: UUID) -> CiTrust | None:
    found = await CI_TRUSTS.load(tx, [trust_id(project_id)])
    return found.get(trust_id(project_id))
