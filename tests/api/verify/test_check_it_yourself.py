"""docs/check-it-yourself.md, command by command, against a real service."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from api.web.rendering import html
from config.settings import Settings
from tests.api.logs import service
from tests.api.served import served
from tests.api.test_seen_heads import Behind
from tests.api.work import client
from tests.house.tree import CHECKOUT
from tests.readme import missing, steps
from tests.support.database import copied_database

DOCUMENT = (CHECKOUT / "docs/check-it-yourself.md").read_text()


@pytest.mark.slow
async def test_every_command_of_the_walk_prints_what_it_says(
    postgres_admin_url: str, database_template: str, tmp_path: Path
) -> None:
    script = re.search(r"^```bash\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert script
    (tmp_path / "check-receipt.sh").write_text(script[1])
    behind = Behind()
    async with (
        copied_database(postgres_admin_url, database_template) as copied,
        served(behind) as listening,
        service(copied, settings=Settings()) as started,
    ):
        behind.app = started.app
        user = await client(started)
        await user.epic(await user.project())
        (newest,) = (await user.get(f"/tenants/{user.tenant}/audit_public_keys")).json()["data"]
        environment = {
            **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "VKEY": newest["vkey"],
            "LOOPCTL_API_KEY": user.raw, "LOOPCTL_SERVER": f"http://127.0.0.1:{listening.port}",
            "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
        }  # fmt: skip
        walked = list(steps(DOCUMENT))
        for step in walked:
            process = await asyncio.create_subprocess_exec(
                "bash", "-c", step.command, cwd=tmp_path, env=environment,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            output = (await process.communicate())[0].decode()
            assert (process.returncode, missing(step.printed, output)) == (0, None), (step.command, output)
    assert len(walked) >= 8


def test_what_it_says_of_the_page_is_on_the_page() -> None:
    said = " ".join(re.findall(r"\*([A-Z][^*]+)\*", DOCUMENT.replace("\n", " ")))
    assert said == "What you already know of this log"
    assert said.encode() in html("verify.html", {})
