#!/usr/bin/env bash
# Keeps an orchestrator's session going while there is work, as keep-working.sh does. Beyond that one:
# - it also counts stories that wait for a review, for a verification, or again after a rejection;
# - LOOPCTL_PROJECT (slug or id) leaves out what is another project's;
# - it lets a session stop that was held back before and has moved nothing since, so that nothing runs for ever;
# - it gives up after 5 seconds for each question, and the key is in no list of processes.
# A server that does not answer stops nobody: work goes on when somebody looks again.
set -u
input=$(cat)
command -v jq >/dev/null && command -v curl >/dev/null || exit 0

session=$(jq -r '.session_id // ""' <<<"$input" 2>/dev/null) || exit 0
[[ $session =~ ^[A-Za-z0-9_-]+$ ]] || exit 0
mark="$HOME/.claude/.orchestrator-active-$session"
[ -f "$mark" ] || exit 0

if [ -z "${LOOPCTL_SERVER:-}" ] || [ -z "${LOOPCTL_ORCH_KEY:-}" ]; then
  echo "loopctl: LOOPCTL_SERVER and LOOPCTL_ORCH_KEY are not set, so nothing is known of open work." >&2
  exit 0
fi

# $1: path; $2: what to take of the answer, a number; then parameters.
ask() {
  local path=$1 taken=$2 parameters=()
  shift 2
  for each in ${LOOPCTL_PROJECT:+"project_id=$LOOPCTL_PROJECT"} "$@"; do parameters+=(--data-urlencode "$each"); done
  curl --silent --fail --max-time 5 --get --config - "${parameters[@]}" "${LOOPCTL_SERVER%/}/api/v1/$path" \
    <<<"header = \"Authorization: Bearer $LOOPCTL_ORCH_KEY\"" | jq -e "$taken"
}

ready=$(ask stories/ready .meta.total_count limit=1) &&
  review=$(ask stories '[.data[] | select(.review_requested_at)] | length' limit=100 agent_status=implementing) &&
  verify=$(ask stories .meta.total_count limit=1 agent_status=reported_done verified_status=unverified) &&
  rejected=$(ask stories .meta.total_count limit=1 verified_status=rejected) || {
  echo "loopctl: $LOOPCTL_SERVER does not say what work is open." >&2
  exit 0
}

[ $((ready + review + verify + rejected)) -gt 0 ] || exit 0
open="$ready ready, $review to be reviewed, $verify to be verified, $rejected rejected"
if [ "$(jq -r '.stop_hook_active // false' <<<"$input")" = true ] && [ "$(cat "$mark")" = "$open" ]; then
  echo "loopctl: $open, as before: nothing has moved, so this session may stop." >&2
  exit 0
fi
echo "$open" >"$mark"
echo "loopctl: $open. Go on with the loop; remove $mark to stop." >&2
exit 2
