"""Whose security keys are enrolled: of any maker, or of those that the operator trusts."""

from pathlib import Path
from uuid import UUID

import pytest

from config.attestation import MakerRoots, Models
from config.loader import ConfigError, load_settings
from config.settings import Settings
from tests.api.asgi import Answer
from tests.api.logs import service
from tests.api.signups import begun, post
from tests.support.authenticator import RIGHT, Maker, Said, SoftwareKey
from tests.support.database import TestDatabase

TRUSTED, OTHER = Maker(), Maker()
MODEL, ANOTHER = UUID("2fc0579f-8113-47ea-b116-bb5a8db9202a"), UUID("cb69481e-8ff7-4039-93ec-0a2729a154a8")
VOUCHED = Said(format="packed", maker=TRUSTED, aaguid=MODEL.bytes)
REFUSED = {
    "it attests nothing": RIGHT,
    "it attests itself": Said(format="packed", aaguid=MODEL.bytes),
    "another maker vouches for it": Said(format="packed", maker=OTHER, aaguid=MODEL.bytes),
    "another model of the same maker": Said(format="packed", maker=TRUSTED, aaguid=ANOTHER.bytes),
}


@pytest.fixture
def trusting(tmp_path: Path) -> Settings:
    file = tmp_path / "roots.pem"
    file.write_bytes(TRUSTED.root)
    return Settings(webauthn_roots=MakerRoots(str(file)), webauthn_models=Models(str(MODEL)))


async def enrolment(database: TestDatabase, settings: Settings, said: Said) -> Answer:
    async with service(database, settings=settings) as running:
        data = await begun(running)
        body = {"ceremony_id": data["ceremony_id"], **SoftwareKey().create(data["challenge"], said)}
        return await post(running, "/signup/attestation", body)


async def test_a_key_that_a_trusted_maker_vouches_for_is_enrolled(
    log_of_module: TestDatabase, trusting: Settings
) -> None:
    answer = await enrolment(log_of_module, trusting, VOUCHED)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("said", REFUSED.values(), ids=REFUSED.keys())
async def test_where_makers_are_chosen_a_key_is_refused_because(
    log_of_module: TestDatabase, trusting: Settings, said: Said
) -> None:
    """The control: where they are not, the same one is enrolled."""
    answer = await enrolment(log_of_module, trusting, said)
    assert (answer.status, answer.error["code"]) == (422, "invalid_attestation"), answer.body
    assert (await enrolment(log_of_module, Settings(), said)).status == 200


@pytest.mark.parametrize("text", ["", "no certificate", None])
def test_a_file_without_certificates_of_makers_stops_the_start(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "roots.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match="webauthn_roots cannot be"):
        load_settings({}, {"LOOPCTL_WEBAUTHN_ROOTS": str(file)})


def test_models_without_makers_stop_the_start() -> None:
    with pytest.raises(ConfigError, match="webauthn_models needs webauthn_roots"):
        load_settings({}, {"LOOPCTL_WEBAUTHN_MODELS": str(MODEL)})
