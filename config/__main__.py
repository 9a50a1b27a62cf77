"""`python -m config`: prints the settings, behind `loopctl config server [--origin]`."""

import argparse
import sys

from config.loader import ConfigError, load_settings, shown


def main() -> int:
    """Exit codes: 0 printed, 1 the configuration cannot be used, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="loopctl config server", description="Every setting, secrets masked.")
    parser.add_argument("--origin", action="store_true", help="also say where each value came from")
    origin = parser.parse_args().origin
    try:
        loaded = load_settings()
    except ConfigError as error:
        print(f"loopctl: {error}", file=sys.stderr)  # noqa: T201  # the program's own voice
        return 1
    for name, value, source in shown(loaded):
        line = f"{name:<18} {value or '-':<28}" + (f" {source}" if origin else "")
        print(line.rstrip())  # noqa: T201  # the program's own voice
    for warning in loaded.warnings:
        print(f"Warning: {warning}", file=sys.stderr)  # noqa: T201  # the program's own voice
    return 0


if __name__ == "__main__":
    sys.exit(main())
