#!/bin/bash
# .claude/hooks/PreToolUse/orchestrator-guardrail.sh
# Blocks Edit/Write/MultiEdit when orchestrator sentinel is active.
# Orchestrator coordinates — agents write code.

input=$(cat)
tool_name=$(echo "$input" | jq -r '.tool_name // ""')
session_id=$(echo "$input" | jq -r '.session_id // ""')

if [ -f "$HOME/.claude/.orchestrator-active-$session_id" ]; then
case "$tool_name" in
  Edit|Write|MultiEdit|NotebookEdit)
    echo "BLOCKED: Orchestrator cannot write code. Dispatch a sub-agent." >&2
    exit 2 ;;
esac
fi
exit 0
