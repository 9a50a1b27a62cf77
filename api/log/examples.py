"""What the log's routes answer, for the OpenAPI document."""

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from api.log.schemas import Chain, ProofAnswer, PublicKeys, StoryProofAnswer, TreeHeadAnswer

TENANT = "0193a2b4-0000-7000-8000-000000000001"
HASH = "kOl-3XKXheOLPdt_wARw6n5Y9AWtv2PpPB7SEDlkGSM"
MOMENT = "2026-03-27T12:00:00.000000Z"
ORIGIN = f"loopctl.example/t/{TENANT}"


def answer(kind: type, description: str, example: object) -> dict[int, ResponseSpec]:
    return {200: ResponseSpec(kind, False, description, examples=[Example(value=example)])}


TREE_HEAD = answer(
    TreeHeadAnswer,
    "The head",
    {
        "data": {
            "tenant_id": TENANT,
            "chain_position": 4,
            "size": 5,
            "merkle_root": HASH,
            "signed_at": MOMENT,
            "signature": "UWzf0w60qUF1Z8iUB8cF7-rRnAQrU2BnbqLDSbidGUEQ…",
            "key_id": "c706ddd6b1f0a955",
            "public_key": "dOV4paaK6FfybXK0qiv5-fhXSqEVaxqOgT3_5hTdFCU",
            "note": f"{ORIGIN}\n5\nkOl+3XKXheOLPdt/wARw6n5Y9AWtv2PpPB7SEDlkGSM=\n\n— {ORIGIN} xwbd1lFs…\n",
            "cosignatures": [],
        }
    },
)

PROOF = answer(
    ProofAnswer,
    "The proof",
    {
        "data": {
            "kind": "inclusion",
            "tree_size": 5,
            "hashes": [HASH],
            "leaf_index": 1,
            "leaf_hash": HASH,
            "first_size": None,
        }
    },
)

CHAIN = answer(
    Chain,
    "Entries in order",
    {
        "data": [
            {
                "chain_position": 0,
                "prev_entry_hash": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "entry_hash": HASH,
                "action": "tenant.created",
                "actor_lineage": ["operator"],
                "entity_type": "tenant",
                "entity_id": TENANT,
                "payload": {"name": "Acme", "root_of_trust": "operator", "slug": "acme"},
                "inserted_at": MOMENT,
                "entry": '{"v":1,"seq":0,"prev":"AAAA…',
            }
        ],
        "has_more": False,
        "next_after": 0,
    },
)

KEYS = answer(
    PublicKeys,
    "The keys, oldest first",
    {
        "origin": ORIGIN,
        "data": [
            {
                "vkey": f"{ORIGIN}+c706ddd6+AXTleKWmiuhX8m1ytKor+fn4V0qhFWsajoE9/+YU3RQl",
                "key_id": "c706ddd6b1f0a955",
                "public_key": "dOV4paaK6FfybXK0qiv5-fhXSqEVaxqOgT3_5hTdFCU",
                "first_size": 0,
                "last_size": None,
                "reason": "founded",
                "created_at": MOMENT,
                "retired_at": None,
            }
        ],
    },
)

STORY_PROOF = answer(
    StoryProofAnswer,
    "The file",
    {
        "data": {
            "format": "loopctl-story-proof/v1",
            "story_id": TENANT,
            "checkpoint": f"{ORIGIN}\n5\nkOl+3XKXheOLPdt/wARw6n5Y9AWtv2PpPB7SEDlkGSM=\n\n— {ORIGIN} xwbd1lFs…\n",
            "entries": [{"position": 4, "entry": '{"v":1,"seq":4,"prev":"AAAA…', "path": [HASH]}],
        }
    },
)
