"""The verifier of the browser, in a browser: served by the application, and held against the one in Python."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import msgspec

from loopctl.audit.archive import read_tar, tar_blocks
from loopctl.audit.expected import Expected
from loopctl.audit.fault import Unreadable
from loopctl.audit.names import order, parse_path
from loopctl.audit.verify import verify
from tests.api.asgi import made
from tests.api.served import served
from tests.support.browser import Page, browser_page

SECURE, PLAIN = "127.0.0.1", "plain.example"

SCRIPT = """(async () => {
  const load = (name) => import(`/verify/log/${name}.js`);
  const [bytes, canonical, checkpoint, entry, fault, hashing, names, note, proof, receipt, tar, tree, verify] =
    await Promise.all(["bytes", "canonical", "checkpoint", "entry", "fault", "hashing", "names", "note", "proof",
      "receipt", "tar", "tree", "verify"].map(load));
  const unpacked = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const outcome = async (attempt) => {
    try {
      await attempt();
      return null;
    } catch (error) {
      if (!(error instanceof fault.FormatError)) { throw error; }
      return error.code;
    }
  };
  const judge = async (data, options = {}, checks = verify.ALL) =>
    verify.verify(tar.membersOf(new Blob([data])), await verify.expecting(options), () => {}, checks);
  const given = %s;
  %s
})()"""
"""With every module by its name, and what was ``given``."""


@asynccontextmanager
async def open_page(path: str = "/verify") -> AsyncIterator[tuple[Page, int]]:
    """In a secure context; with the port, to go to another."""
    async with served(made()) as service, browser_page() as page:
        await page.open(f"http://{SECURE}:{service.port}{path}")
        yield page, service.port


async def run(page: Page, body: str, given: Any = None) -> Any:
    """What the script returns. Raises what it throws."""
    expression = SCRIPT % (msgspec.json.encode(given).decode(), body)
    answer = await page.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
    if "exceptionDetails" in answer:
        raise AssertionError(answer["exceptionDetails"])
    return answer["result"].get("value")


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def packed(bundle: Mapping[str, bytes]) -> bytes:
    """In the order of a bundle, as from an export."""
    return b"".join(tar_blocks(sorted(bundle.items(), key=lambda member: order(parse_path(member[0])))))


def judged(archive: bytes, expected: Expected | None = None) -> dict[str, Any]:
    """By Python, in the form of the browser's report."""
    try:
        report = verify(read_tar(BytesIO(archive)), expected or Expected())
    except Unreadable:
        return {"verdict": "unreadable"}
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(report))
    return answer


def verdict(report: Mapping[str, Any]) -> tuple[str, str | None, str | None, str | None]:
    """What both must say alike; the words may differ."""
    fault = report.get("fault") or {}
    return report["verdict"], fault.get("check"), fault.get("code"), fault.get("place")
