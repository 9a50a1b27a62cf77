"""docs/check-it-yourself.md, command by command, against a real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.web.rendering import html
from loopctl.client import Client
from tests.house.tree import CHECKOUT
from tests.loopctl.cli.conftest import Keys
from tests.readme import missing, steps
from tests.support.running import Run

DOCUMENT = (CHECKOUT / "docs/check-it-yourself.md").read_text()
SCRIPT = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_every_command_of_the_walk_prints_what_it_says(running: Run, keys: Keys, tmp_path: Path) -> None:
    client = Client(running.address, keys.user)
    client.request("POST", "projects", {"name": "Checked", "slug": "checked"})
    tenant = client.get("tenants/me")["tenant"]["id"]
    vkey = client.get(f"tenants/{tenant}/audit_public_keys")["data"][-1]["vkey"]
    client.close()
    script = SCRIPT.search(DOCUMENT)
    assert script
    (tmp_path / "check-receipt.sh").write_text(script[1])
    environment = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_PROXY": "127.0.0.1",
        "LOOPCTL_API_KEY": keys.user, "LOOPCTL_SERVER": running.address, "VKEY": vkey,
    }  # fmt: skip
    walked = list(steps(DOCUMENT))
    for step in walked:
        ended = subprocess.run(
            ["bash", "-c", step.command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        said = ended.stdout + ended.stderr
        assert (ended.returncode, missing(step.printed, said)) == (0, None), (step.command, said)
    assert len(walked) >= 8


def test_what_it_says_of_the_page_is_on_the_page() -> None:
    said = re.findall(r"\*([A-Z][^*]+)\*", DOCUMENT)
    assert [" ".join(each.split()) for each in said] == ["What you already know of this log"]
    assert b"What you already know of this log" in html("verify.html", {})
