"""The OpenAPI document as it was last agreed to: ``python -m tests.contract.snapshot`` writes it anew.

A change in tests/contract/openapi.json is a change of the public contract; look at it as one.
"""

import asyncio
import json
from pathlib import Path

from api.transfer.form import import_schema
from tests.api.asgi import ask, made

SNAPSHOT = Path(__file__).with_name("openapi.json")
IMPORT = Path("docs/import.schema.json")
"""The same of an import; held by tests/api/test_import_schema.py."""


async def current() -> str:
    """Without the version of the service, which changes without the contract."""
    document = (await ask(made(), "/api/v1/openapi")).json()
    document["info"]["version"] = "0"
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(asyncio.run(current()), "utf-8")
    IMPORT.write_text(json.dumps(import_schema(), indent=1) + "\n", "utf-8")
