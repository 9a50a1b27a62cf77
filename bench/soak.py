"""`make soak`: the long campaigns, or those named: `make soak ARGS="kill_loop 20"`. Each prints its seed."""

import importlib
import sys

from supervisor.starter import end_with_starter

CAMPAIGNS = {
    "append_cuts": "the writer killed or cut off at every message of an append, 10,000 times",
    "growing": "nasty shapes of growing size, 200 that nobody has thought of, and /livez beside them",
    "hoarding": "200 unread exports and 200 unfinished imports of one tenant, beside another",
    "isolation": "two tenants on two connections, directly and through pgbouncer, 100,000 requests each",
    "claims": "10,000 hostile and 10,000 honest claims of heads, and what halts",
    "failover": "the primary of a Patroni cluster killed under eight writers, 50 times (`make failover` first)",
    "feed": "the change feed beside writers whose clocks jump, 60 s",
    "chaos": "SIGKILL of API, worker and PostgreSQL under eight writers, 30 strikes",
    "custody": "steps of custody by every path in this process, 1,000,000",
    "custody_http": "requests to all mutating routes, 100,000, and what they change in the database",
    "custody_tools": "the same through the tools of agents, 20,000 steps",
    "kill_loop": "SIGKILL of all processes, 20 rounds",
    "log_flips": "single changed bits in an export, 100,000",
    "memory": "memory of one API process, 100,000 requests of 1,000 tenants",
    "malformed": "malformed requests, 100,000 over the public routes",
    "malformed_headers": "every hostile form of each header of custody, with every route",
    "mutants": "mutation testing of the decisions about custody: 95 % must be noticed",
    "cost_sums": "10,000 reports, corrections and deletions, and every total beside a sum made by hand",
    "budget_races": "64 reports at once against a budget with room for ten, 1,000 rounds",
    "capability_races": "1,000 capabilities, each used 64 times at once and once with success",
    "capability_flips": "single changed bits in signed capabilities, 100,000",
    "races": "two agents after each of 10,000 stories, one winner each",
    "malformed_keyed": "malformed requests with real keys over all routes, 100,000",
    "state_replay": "an export of 100,000 events replayed elsewhere into empty read models, and rows altered by hand",
    "webhook_campaign": "10,000 deliveries to a receiver that fails, workers killed, Redis flushed; one that hangs",
    "waiting": "states of stories that 100,000 steps of custody reach, before the query of what waits",
    "tlog_fuzz": "mutated proofs, 1,000,000",
    "touches": "forty wrong touches of a security key beside right ones (B14), and 2,000 with one bit changed (B15)",
}


def main(arguments: list[str]) -> int:
    end_with_starter()
    if not arguments:
        return max(campaign(name, []) for name in CAMPAIGNS)
    if arguments[0] not in CAMPAIGNS:
        print(f"No campaign named {arguments[0]}; there are: {', '.join(CAMPAIGNS)}.", file=sys.stderr)
        return 2
    return campaign(arguments[0], arguments[1:])


def campaign(name: str, arguments: list[str]) -> int:
    print(f"\n== {name}: {CAMPAIGNS[name]}", flush=True)
    return int(importlib.import_module(f"bench.{name}").main(arguments) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
