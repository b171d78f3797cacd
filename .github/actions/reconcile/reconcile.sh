#!/usr/bin/env bash
# Runs one command for a workflow's step: the result goes to the log, to the step's summary, and as Markdown to
# $RUNNER_TEMP/reconciler.md; `digest` and `changes` are the step's outputs,
# and `told`, true once there is Markdown: a plan, or why there is none. $COMMAND, $FILE and $APPROVED say what to do.
set -euo pipefail

markdown="$RUNNER_TEMP/reconciler.md"
said="$RUNNER_TEMP/reconciler.stderr"
saved="$RUNNER_TEMP/reconciler.plan.json"

output() { # a name and a value of one line
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

told() { # a command whose result is Markdown; its exit code 2 is word of changes, not of a failure
  local code=0
  "$@" >"$markdown" 2>"$said" || code=$?
  cat "$said" >&2
  if ((code != 0 && code != 2)); then
    if [[ "$COMMAND" == plan ]]; then # the comment must not go on showing the plan before
      python3 "$GITHUB_ACTION_PATH/refusal.py" "$code" "$FILE" "$said" >"$markdown"
      cat "$markdown" >>"$GITHUB_STEP_SUMMARY"
      output told true
    fi
    exit "$code"
  fi
  cat "$markdown" >>"$GITHUB_STEP_SUMMARY"
  output told true
  output changes "$([[ $code == 2 ]] && echo true || echo false)"
}

case "$COMMAND" in
  validate)
    reconciler validate --file "$FILE"
    ;;
  plan)
    rm -f "$saved"
    told reconciler plan --file "$FILE" --format markdown --out "$saved" --detailed-exitcode
    output digest "$(reconciler show "$saved" --format json --file "$FILE" | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])')"
    ;;
  apply)
    if [[ -z "$APPROVED" ]]; then
      echo "::error::apply needs the digest of the plan that was approved" >&2
      exit 3
    fi
    reconciler apply --file "$FILE" --approved "$APPROVED" --summary "$GITHUB_STEP_SUMMARY"
    ;;
  drift)
    told reconciler drift --file "$FILE" --format markdown
    ;;
  *)
    echo "::error::the command is validate, plan, apply or drift" >&2
    exit 1
    ;;
esac
