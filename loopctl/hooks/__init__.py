"""Hooks for sessions of an orchestrator: the pair of the configuration guide, to the letter, and a safer one beside it.

Both look for the file that marks a session as an orchestrator's, `~/.claude/.orchestrator-active-SESSION`.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Any

WRITING = "Edit|Write|MultiEdit|NotebookEdit"
FOLDERS = ("PreToolUse", "Stop")


def shipped_hooks() -> Mapping[str, str]:
    """Their text, by the path below a folder of hooks."""
    root = resources.files(__name__)
    files = ((folder, file) for folder in FOLDERS for file in root.joinpath(folder).iterdir())
    return {f"{folder}/{file.name}": file.read_text("utf-8") for folder, file in sorted(files, key=str)}


def _calls(guardrail: str, keep_working: str) -> Mapping[str, Any]:
    """As settings of Claude Code want them, by event."""
    folder = '"$CLAUDE_PROJECT_DIR"/.claude/hooks'
    return {
        "PreToolUse": {
            "matcher": WRITING,
            "hooks": [{"type": "command", "command": f"{folder}/PreToolUse/{guardrail}.sh", "timeout": 5}],
        },
        "Stop": {"hooks": [{"type": "command", "command": f"{folder}/Stop/{keep_working}.sh", "timeout": 30}]},
    }


PRINTED = _calls("orchestrator-guardrail", "keep-working")
SAFER = _calls("orchestrator-guardrail-safer", "keep-working-safer")
