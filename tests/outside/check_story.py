"""A story proof, checked by somebody who has none of our code: the standard library, and one library for signatures.

    python check_story.py FILE ORIGIN BASE64_OF_THE_32_BYTES_OF_THE_PUBLIC_KEY

Written from docs/custody.md, RFC 9162 and C2SP's signed-note and tlog-checkpoint alone. Prints what it has found, and
ends with 1 when something is wrong.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def need(true: object, problem: str) -> None:
    if not true:
        raise SystemExit(f"wrong: {problem}")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162, 2.1.3.2."""
    node_index, last = index, size - 1
    result = leaf
    for sibling in path:
        need(last > 0, "the path is too long")
        if node_index & 1 or node_index == last:
            result = node(sibling, result)
            while not node_index & 1 and node_index:
                node_index >>= 1
                last >>= 1
        else:
            result = node(result, sibling)
        node_index >>= 1
        last >>= 1
    need(last == 0, "the path is too short")
    return result


def signed_head(note: str, origin: str, public_key: bytes) -> tuple[int, bytes]:
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    name, size, root = text.split("\n")[:3]
    need(name == origin, "another log's head")
    key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public_key).digest()[:4]
    for line in signatures.splitlines():
        _, signer, blob = line.split(" ")
        raw = base64.b64decode(blob)
        if signer == origin and raw[:4] == key_id:
            Ed25519PublicKey.from_public_bytes(public_key).verify(raw[4:], text.encode())
            return int(size), base64.b64decode(root)
    raise SystemExit("wrong: not signed with this key")


def check(proof: Any, origin: str, public_key: bytes) -> None:
    size, root = signed_head(proof["checkpoint"], origin, public_key)
    agents: dict[str, str] = {}
    chains: dict[str, list[str]] = {}
    steps: list[Any] = []
    for item in proof["entries"]:
        raw = item["entry"].encode()
        path = [base64.b64decode(each) for each in item["path"]]
        leaf = hashlib.sha256(b"\x00" + raw).digest()
        need(root_of(leaf, item["position"], size, path) == root, "not in the log")
        entry = json.loads(raw)
        need(entry["seq"] == item["position"], "of another place")
        kind, name = entry["entity"]
        if kind == "api_key" and entry["type"] in ("api_key.created", "api_key.linked"):
            agents[name] = entry["data"]["agent_id"]
            chains.setdefault(name, entry["data"].get("lineage", []))
        if [kind, name] == ["story", proof["story_id"]]:
            need(entry["eseq"] == len(steps), "a step is missing")
            need(entry["eprev"] == (steps[-1]["seq"] if steps else None), "a step is missing")
            steps.append(entry)
    judge(steps, agents, chains)


def judge(steps: list[Any], agents: dict[str, str], chains: dict[str, list[str]]) -> None:
    did: set[str] = set()
    report, reviewed = None, False
    for step in steps:
        kind, data, actor = step["type"], step["data"], step["actor"]
        key, lineage = actor[0].split(":", 1)[1], actor[2:]
        say(step["seq"], kind, actor[0], "agent", agents.get(key), "lineage", "/".join(lineage) or "-")
        if kind == "story.claimed":
            did |= {data["agent_id"], key, *lineage[-1:]}
        if kind == "story.auto_reset":
            did = set()
        if kind in ("story.reported", "story.review_completed", "story.verified"):
            need(not {key, agents[key], *lineage} & did, f"{kind} came from the implementer's lineage")
            need(lineage == chains[key], "another lineage than its key's")
        if kind == "story.reported":
            report, reviewed = step["seq"], False
        if kind == "story.review_completed":
            need(data["report_position"] == report, "a review of another report")
            reviewed = True
        if kind == "story.verified":
            need(report is not None and reviewed, "verified without report and review")
            say("verified by", agents[key], "- implemented by", ", ".join(sorted(did)))


if __name__ == "__main__":
    file, origin, key = sys.argv[1:]
    check(json.loads(Path(file).read_bytes()), origin, base64.b64decode(key))
    say("good: no confirmation came from the implementer's lineage")
