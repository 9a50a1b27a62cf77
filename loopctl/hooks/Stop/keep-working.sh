#!/bin/bash
# .claude/hooks/Stop/keep-working.sh
# Prevents orchestrator from stopping when stories remain.
# Queries loopctl API for pending work.

INPUT=$(cat)
SESSION_ID=$(echo "$INPUT" | jq -r '.session_id // ""')

if [ ! -f "$HOME/.claude/.orchestrator-active-$SESSION_ID" ]; then
exit 0  # Not an orchestrator session
fi

# Check for remaining work
PENDING=$(curl -s -H "Authorization: Bearer $LOOPCTL_ORCH_KEY" \
"$LOOPCTL_SERVER/api/v1/stories/ready?limit=1" | jq '.data | length')

if [ "$PENDING" -gt 0 ]; then
exit 2  # Force continuation — stories remain
fi
exit 0
