"""An issuer of a CI's tokens on this machine: real HTTP, real keys, and whatever a hostile one would say."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

COMMIT = "9" * 40
GITHUB: Mapping[str, Any] = {
    "sub": "repo:acme/keys:ref:refs/heads/main", "repository": "acme/keys", "repository_id": "74213",
    "repository_owner_id": "9919", "ref": "refs/heads/main", "sha": COMMIT, "event_name": "push", "run_id": "17",
    "job_workflow_ref": "acme/keys/.github/workflows/ci.yml@refs/heads/main",
}  # fmt: skip
GITLAB: Mapping[str, Any] = {
    "sub": "project_path:acme/keys:ref_type:branch:ref:main", "project_path": "acme/keys", "project_id": "55",
    "namespace_id": "66", "ref_path": "refs/heads/main", "sha": COMMIT, "pipeline_source": "push", "pipeline_id": "3",
    "ci_config_ref_uri": "gitlab.test/acme/keys//.gitlab-ci.yml@refs/heads/main",
}  # fmt: skip


@cache
def rsa_key(number: int) -> Any:  # the number tells one from another
    """Made once for each number."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(number: int, kid: str) -> dict[str, Any]:
    made: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(number).public_key(), as_dict=True)
    return {**made, "kid": kid, "use": "sig", "alg": "RS256"}


class Issuer:
    """Answers below its address by what stands in ``documents``, by path; ``asked`` are the paths that were asked."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.github, self.gitlab = f"{self.base}/gh", f"{self.base}/gl"
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []
        self.keys(1, "k1")

    def keys(self, *numbered: Any) -> None:
        """What it has from now on: number and name of each key, one after the other."""
        keys = [jwk(number, kid) for number, kid in zip(numbered[::2], numbered[1::2], strict=True)]
        for place in ("gh", "gl"):
            issuer = f"{self.base}/{place}"
            said = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
            self.documents[f"/{place}/.well-known/openid-configuration"] = said
            self.documents[f"/{place}/jwks"] = {"keys": keys}

    @property
    def setting(self) -> str:
        return f"github={self.github},gitlab={self.gitlab}"

    def claims(self, audience: Any, kind: str = "github", **changes: Any) -> dict[str, Any]:
        """Of a good token, changed; None takes one away."""
        now = int(time.time())
        said = {
            **(GITHUB if kind == "github" else GITLAB), "iss": self.github if kind == "github" else self.gitlab,
            "aud": audience, "iat": now, "nbf": now, "exp": now + 300, "jti": str(uuid4()), **changes,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
        self.asked.append(path)
        found = self.documents.get(path)
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        status = b"404 Not Found" if found is None else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()


def signed(claims: Mapping[str, Any], number: int = 1, **header: Any) -> str:
    algorithm = header.pop("algorithm", "RS256")
    key = header.pop("key", None) or rsa_key(number)
    said = {name: value for name, value in {"kid": "k1", **header}.items() if value is not None}
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers=said)


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await made.answer(reader, writer)

    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    made = Issuer(server.sockets[0].getsockname()[1])
    async with server:
        yield made
