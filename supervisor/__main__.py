"""`python -m supervisor`: the process behind `loopctl up` and `make up`. Its flags are settings."""

import argparse
import asyncio
import os
import sys

from config import loader
from config.refusal import StartRefused
from loopctl import __version__
from supervisor.starter import end_with_starter
from supervisor.up import Up

FLAGS = (
    "port",
    "host",
    "data_dir",
    "database_url",
    "redis_url",
    "workers",
    "worker_threads",
    "public_url",
    "log_level",
)


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 stopped cleanly, 1 refused or failed, 2 wrong usage."""
    flags = _flags(arguments)
    end_with_starter()
    os.umask(0o077)  # logs, metrics, sockets: the owner's alone
    try:
        loaded = loader.load_settings(flags)
        for warning in loaded.warnings:
            _say(f"Warning: {warning}")
        asyncio.run(Up(loaded.settings, __version__, _say).run())
    except (StartRefused, loader.ConfigError) as error:
        print(f"loopctl: {error}", file=sys.stderr)  # noqa: T201  # the program's own voice
        return 1
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        print(f"loopctl: {error.strerror or error}{place}.", file=sys.stderr)  # noqa: T201  # the program's own voice
        return 1
    return 0


def _flags(arguments: list[str] | None) -> dict[str, str]:
    parser = argparse.ArgumentParser(
        prog="loopctl up",
        description="Runs the service on its embedded PostgreSQL and Redis, or on yours.",
        epilog="Every setting can also come from the environment; see `loopctl config server --origin`. Addresses with "
        "a password are better kept out of the command line: LOOPCTL_DATABASE_URL_FILE, LOOPCTL_REDIS_URL_FILE.",
    )
    for name in FLAGS:
        parser.add_argument("--" + name.replace("_", "-"), metavar=name.upper(), help=loader.description(name))
    given = vars(parser.parse_args(arguments))
    return {name: value for name, value in given.items() if value is not None}


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # the program's own voice


if __name__ == "__main__":
    sys.exit(main())
