"""``python -m api`` serves the API."""

import os
import sys

from config.loader import ConfigError, Loaded, load_settings
from config.logs import configure
from config.refusal import StartRefused
from loopctl import __version__


def main() -> int:
    """The exit code."""
    try:
        loaded = load_settings()
    except ConfigError as error:
        return _refused(error)
    configure("api", loaded.settings.log_level)
    return _serve(loaded)


def _serve(loaded: Loaded) -> int:
    settings = loaded.settings
    if settings.metrics_dir:
        settings.metrics_dir.mkdir(parents=True, exist_ok=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics_dir)

    # prometheus_client reads the variable when it is first imported.
    from api.main import run  # noqa: PLC0415  # see above

    try:
        run(settings, __version__, loaded.warnings)
    except StartRefused as error:
        return _refused(error)
    return 0


def _refused(error: Exception) -> int:
    sys.stderr.write(f"loopctl: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
