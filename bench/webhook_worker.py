"""The worker of the campaign: workers/__main__.py with shorter times.

WEBHOOK_PACE is ``quick``, ``earnest`` for the times that hold in earnest, or ``blind``, the control: nobody looks at
the rows, so that there is only what Redis says.
"""

import os

from config.loader import load_settings
from config.logs import configure
from workers.main import WorkerProgram, run
from workers.webhooks.courier import Courier
from workers.webhooks.judging import Pace

QUICK = Pace(
    delays=(0.1, 0.2, 0.4, 0.8, 1.5, 1.5, 1.5, 1.5), total=1.0, lease=2.5, sweep=0.2, probe=0.5, slowed=0.1, drain=1.0
)  # fmt: skip


async def look_away(_: Courier) -> None:
    """In place of a look at everything that is due."""


if __name__ == "__main__":
    loaded = load_settings()
    configure("worker", loaded.settings.log_level)
    pace = os.environ["WEBHOOK_PACE"]
    if pace == "blind":
        Courier.sweep = look_away  # type: ignore[method-assign, assignment]  # the control
    run(loaded.settings, loaded.warnings, None, WorkerProgram(webhooks=Pace() if pace == "earnest" else QUICK))
