"""The keys of a CI's issuer: asked for once, again when they are old or one is unknown, and not believed blindly."""

import json
from typing import Any

import pytest

from api.evidence.issuer_keys import FAILED_SECONDS, REMEMBERED_SECONDS, IssuerKeys
from api.http.refusal import Refused
from egress.client import Egress
from egress.destination import Rules
from tests.api.test_ci_tokens import HERE
from tests.support.ci_issuer import issuing, rsa_key


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_keys_are_asked_for_once_and_again_when_they_are_old_or_one_is_unknown() -> None:
    async with issuing() as issuer:
        clock = Clock()
        keys = IssuerKeys(Egress(HERE), clock)
        for _ in range(3):
            assert await keys.find(issuer.github, "k1") == rsa_key(1).public_key()
        assert len(issuer.asked) == 2, "what it says of itself, and its keys"
        issuer.keys(2, "k2")
        with pytest.raises(Refused):
            await keys.find(issuer.github, "k2")
        assert len(issuer.asked) == 2, "a name that is not known costs the issuer nothing at once"
        clock.now += 31
        assert await keys.find(issuer.github, "k2") == rsa_key(2).public_key()
        with pytest.raises(Refused, match="does not have"):
            await keys.find(issuer.github, "k1")
        clock.now += REMEMBERED_SECONDS + 1
        issuer.keys(1, "k1")
        with pytest.raises(Refused):
            await keys.find(issuer.github, "k2")


@pytest.mark.parametrize(
    "documents",
    [
        {"/gh/.well-known/openid-configuration": {"issuer": "https://other", "jwks_uri": "$base/gh/jwks"}},
        {"/gh/.well-known/openid-configuration": {"issuer": "$base/gh", "jwks_uri": "http://127.0.0.2:1/jwks"}},
        {"/gh/.well-known/openid-configuration": {"issuer": "$base/gh"}},
        {"/gh/.well-known/openid-configuration": b"<html>"},
        {"/gh/jwks": {"keys": 7}},
        {"/gh/jwks": b"[" * 300_000},
    ],
)
async def test_an_issuer_that_says_something_else_is_not_believed(documents: Any) -> None:
    async with issuing() as issuer:
        for path, document in documents.items():
            text = document if isinstance(document, bytes) else json.dumps(document).encode()
            issuer.documents[path] = text.replace(b"$base", issuer.base.encode())
        clock = Clock()
        keys = IssuerKeys(Egress(HERE), clock)
        with pytest.raises(Refused) as refused:
            await keys.find(issuer.github, "k1")
        assert refused.value.code == "ci_issuer_unavailable"
        before = len(issuer.asked)
        with pytest.raises(Refused):
            await keys.find(issuer.github, "k1")
        assert len(issuer.asked) == before, "not asked again at once"
        clock.now += FAILED_SECONDS + 1
        issuer.keys(1, "k1")
        assert await keys.find(issuer.github, "k1")


async def test_an_issuer_inside_the_network_is_not_asked_unless_the_operator_says_so() -> None:
    async with issuing() as issuer:
        with pytest.raises(Refused) as refused:
            await IssuerKeys(Egress(Rules(http=True)), Clock()).find(issuer.github, "k1")
        assert refused.value.code == "ci_issuer_unavailable"
        assert issuer.asked == []
