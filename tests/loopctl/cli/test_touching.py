"""A command whose request needs a touch of a security key asks for one where that can help."""

import pytest

from loopctl.cli.touching import TouchingClient
from loopctl.client import Refused
from tests.loopctl.cli.stub import error, stub


@pytest.mark.parametrize(
    ("path", "begins"), [("admin/tenants/1/recovery", False), ("tenants/1/rotate-audit-key", True)]
)
def test_only_a_person_of_the_tenant_is_sent_to_a_ceremony(path: str, begins: bool) -> None:
    """Went red while a superadmin's request began a ceremony, which is refused without a word about the touch."""
    with stub(error(401, "webauthn_required")) as server, pytest.raises(Refused) as refused:
        TouchingClient(server.address, "key").post(path, {"reason": "lost"})
    assert refused.value.code == "webauthn_required"
    assert any(asked.path.endswith("/ceremonies") for asked in server.asked) == begins
