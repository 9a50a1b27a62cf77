"""``python -m workers`` works; ``python -m workers health`` asks whether this host's worker does."""

import argparse
import asyncio
import os
import sys

from config.loader import ConfigError, load_settings
from config.logs import configure
from config.refusal import StartRefused
from config.settings import Settings


def main(arguments: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m workers", description="The background worker of loopctl.")
    parser.add_argument("command", nargs="?", choices=("run", "health"), default="run")
    parser.add_argument("--metrics-port", type=int, help="serve the metrics on this port of 127.0.0.1")
    given = parser.parse_args(arguments)
    try:
        loaded = load_settings()
        if given.command == "health":
            return _health(loaded.settings)
        _run(loaded.settings, loaded.warnings, given.metrics_port)
    except (ConfigError, StartRefused) as error:
        sys.stderr.write(f"loopctl: {error}\n")
        return 1
    return 0


def _run(settings: Settings, warnings: tuple[str, ...], metrics_port: int | None) -> None:
    configure("worker", settings.log_level)
    if settings.metrics_dir:
        settings.metrics_dir.mkdir(parents=True, exist_ok=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics_dir)

    from workers.main import run  # noqa: PLC0415  # prometheus_client reads the variable when it is first imported

    run(settings, warnings, metrics_port)


def _health(settings: Settings) -> int:
    from workers.health import this_host_works  # noqa: PLC0415  # a probe runs often and starts in half the time

    works = asyncio.run(this_host_works(settings.redis_url))
    sys.stdout.write("ok\n" if works else "error\n")
    return 0 if works else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
