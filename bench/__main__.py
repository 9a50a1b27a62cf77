"""`make bench`: every benchmark, or those named: `make bench ARGS="shell"`. Figures are ratios within one run."""

import importlib
import sys

from bench.table import FIGURES
from supervisor.starter import end_with_starter

BENCHMARKS = {
    "shell": ("bench.shell", "the HTTP shell against the bare server, uvicorn against granian"),
    "append": ("bench.append", "group commit against the limits of this PostgreSQL"),
    "chain_cost": ("bench.chain_cost", "what the tree costs over a bare hash chain: throughput and WAL"),
    "large_log": ("bench.large_log", "proofs, appends, replay and export at 10^6 entries"),
    "replay": ("bench.replay", "rebuild of a read model from the log"),
    "receipts": ("bench.receipts", "what a receipt adds to a write, what a tile costs"),
    "recorder": ("bench.recorder", "append against the stock recorder of the eventsourcing package"),
    "log_verify": ("bench.log_verify", "offline verification of an export, against bare SHA-256"),
    "verify_browser": ("bench.verify_browser", "the same check in a browser, beside Python"),
    "breakdown": ("bench.breakdown", "the ready queue of 100,000 stories, reading stories over HTTP"),
    "changes": ("bench.changes", "the audit index beside the append, the change feed against a trivial GET"),
    "rate_limits": ("bench.rate_limits", "checks of the rate limiter against a bare round trip to Redis"),
    "tlog": ("bench.tlog_speed", "making, checking and proving entries, against bare SHA-256"),
    "fsck": ("bench.log_fsck", "fsck of the stored log, against reading and hashing its rows"),
    "followers": ("bench.followers", "finding which of 100,000 logs have news"),
    "importing": ("bench.importing", "an import of 10,000 stories against COPY of the same bytes"),
    "transitions": ("bench.transitions", "story transitions over HTTP against a trivial POST, with a profile"),
    "witnessing": ("bench.witnessing", "a request that says which head was seen against one that does not"),
    "webhooks": ("bench.webhooks", "a transition with ten webhooks, deliveries against a bare HTTP client"),
    "mcp_beside": ("bench.mcp_beside", "other requests beside /mcp, while it loads and while it is called"),
    "mcp_tokens": ("bench.mcp_tokens", "tokens of one job: by few tools, by the 52, by the command"),
    "pages": ("bench.pages", "200 open boards, a board of 1,000 stories, how soon a board moves"),
    "knowledge": ("bench.knowledge", "50,000 articles: search, context, and filing one beside a story"),
    "retrieval": ("bench.retrieval", "nDCG@10 by words, by meaning and by both, over this documentation"),
    "usage_reads": ("bench.usage_reads", "a million reports of usage: a project's summary, the ranking, and one more"),
    "start": ("bench.start", "first and second start of `make up`"),
}


def main(arguments: list[str]) -> int:
    end_with_starter()
    chosen = arguments or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        print(f"No benchmark named {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    for name in chosen:
        module, about = BENCHMARKS[name]
        print(f"\n== {name}: {about}")
        importlib.import_module(module).main([])
    if len(chosen) > 1:
        print("\n== every figure that has a bar", *FIGURES, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
