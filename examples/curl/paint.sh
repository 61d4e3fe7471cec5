#!/usr/bin/env bash
# Paints a picture and follows it, with curl and jq.
#
#   CONDUIT_KEY=condt_... ./paint.sh "a lighthouse in a storm" lighthouse.png
set -euo pipefail

: "${CONDUIT_KEY:?is not set}"
prompt=${1:-a fox crossing a snowy forest at night}
file=${2:-picture.png}
base=${CONDUIT_URL:-http://localhost:8787}

# The key comes to curl by a pipe: what stands on a command line is seen by everybody on the machine.
gateway() {
  curl --silent --show-error --config <(printf 'header = "Authorization: Bearer %s"\n' "$CONDUIT_KEY") "$@"
}

# The built-in painter is slowed down by provider_options, so that there is a progress to see. The same Idempotency-Key makes the same
# task, however often curl asks again.
created=$(jq --null-input --arg prompt "$prompt" \
  '{model: "local/canvas", prompt: $prompt, provider_options: {steps: 10, step_ms: 300}}' |
  gateway --retry 3 --max-time 30 --header "Content-Type: application/json" \
    --header "Idempotency-Key: $(date +%s)-$RANDOM$RANDOM$RANDOM" --data @- "$base/v1/images/generations/async")
task=$(jq --raw-output '.taskId // empty' <<<"$created")
if [ -z "$task" ]; then
  jq --raw-output '.error.message' <<<"$created" >&2
  exit 1
fi

# Until the end is there: a stream that breaks goes on behind the last event. Thirty that bring nothing, one after the other, are enough.
last='' status='' broken=0
until [[ $status =~ ^(completed|failed|cancelled)$ ]]; do
  ((broken++ < 30)) || exit 1
  while IFS= read -r line; do
    case $line in
      "id: "*) last=${line#id: } ;;
      "data: "*)
        broken=0
        state=$(jq --compact-output '.task // .' <<<"${line#data: }")
        status=$(jq --raw-output '.status // empty' <<<"$state")
        jq --raw-output 'select(.status) | "\(.status) \(.progress)%"' <<<"$state"
        ;;
    esac
  done < <(gateway --fail --no-buffer --speed-time 40 --speed-limit 1 --header "Last-Event-ID: $last" \
    "$base/v1/tasks/$task/events" || sleep 1)
done

if [ "$status" != completed ]; then
  jq --raw-output '.error' <<<"$state" >&2
  exit 1
fi
# A result's address needs no key.
curl --silent --show-error --fail --output "$file" "$(jq --raw-output '.result.images[0].url' <<<"$state")"
echo "saved $file"
