#!/usr/bin/env bash
# Keeps an orchestrator's session from writing files, as orchestrator-guardrail.sh does, and also when it cannot be told
# which session or tool it is: without jq, and for input that is not understood.
set -u
input=$(cat)
marks="$HOME/.claude/.orchestrator-active-"

compgen -G "$marks*" >/dev/null || exit 0 # nobody is an orchestrator here

blocked() {
  echo "BLOCKED: $1" >&2
  exit 2
}

command -v jq >/dev/null || blocked "this hook needs jq. Install it, or remove $marks* if no orchestrator is at work."
{
  read -r tool
  read -r session
} < <(jq -r '.tool_name // "", .session_id // ""' <<<"$input" 2>/dev/null) || blocked "this hook does not understand its input."

# The id becomes part of a path, so it is nothing but an id.
[[ $session =~ ^[A-Za-z0-9_-]+$ ]] || blocked "this hook does not understand its input."
[ -f "$marks$session" ] || exit 0

case "$tool" in
Edit | Write | MultiEdit | NotebookEdit) blocked "an orchestrator does not write code. Dispatch an agent for it." ;;
esac
exit 0
