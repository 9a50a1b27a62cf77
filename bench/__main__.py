"""`make bench`: every benchmark, or those named: `make bench ARGS="shell"`. Figures are ratios within one run."""

import importlib
import sys

BENCHMARKS = {
    "shell": ("bench.shell", "the HTTP shell against the bare server, uvicorn against granian"),
    "append": ("bench.append", "group commit against the limits of this PostgreSQL"),
    "rate_limits": ("bench.rate_limits", "checks of the rate limiter against a bare round trip to Redis"),
    "tlog": ("bench.tlog_speed", "making, checking and proving entries, against bare SHA-256"),
    "fsck": ("bench.log_fsck", "fsck of the stored log, against reading and hashing its rows"),
    "start": ("bench.start", "first and second start of `make up`"),
}


def main(arguments: list[str]) -> int:
    chosen = arguments or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        print(f"No benchmark named {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    for name in chosen:
        module, about = BENCHMARKS[name]
        print(f"\n== {name}: {about}")
        importlib.import_module(module).main([])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
