#!/usr/bin/env bash
# Runs one command for a workflow step. Inputs: $COMMAND, $FILE and $APPROVED. The result is in the step summary, except for `validate`.
# `plan` and `drift` also write it as Markdown to $RUNNER_TEMP/reconciler.md. Step outputs: `digest`, `changes`, and `markdown`, which
# is true if that file was written. If there is no plan, the file has the reason.
set -euo pipefail

markdown="$RUNNER_TEMP/reconciler.md"
stderr="$RUNNER_TEMP/reconciler.stderr"
saved_plan="$RUNNER_TEMP/reconciler.plan.json"

write_output() { # NAME VALUE, on one line
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

run_markdown() { # runs a command, and writes the Markdown that it prints to the file and the summary; exit code 2 means changes, not failure
  local code=0
  "$@" >"$markdown" 2>"$stderr" || code=$?
  cat "$stderr" >&2
  if ((code != 0 && code != 2)); then
    if [[ "$COMMAND" == plan ]]; then # replaces the comment, which would otherwise still show the previous plan
      python3 "$GITHUB_ACTION_PATH/plan_failed.py" "$code" "$FILE" "$stderr" >"$markdown"
      cat "$markdown" >>"$GITHUB_STEP_SUMMARY"
      write_output markdown true
    fi
    exit "$code"
  fi
  cat "$markdown" >>"$GITHUB_STEP_SUMMARY"
  write_output markdown true
  write_output changes "$([[ $code == 2 ]] && echo true || echo false)"
}

case "$COMMAND" in
  validate)
    reconciler validate --file "$FILE"
    ;;
  plan)
    rm -f "$saved_plan"
    run_markdown reconciler plan --file "$FILE" --format markdown --out "$saved_plan" --detailed-exitcode
    write_output digest "$(reconciler show "$saved_plan" --format json --file "$FILE" | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])')"
    ;;
  apply)
    if [[ -z "$APPROVED" ]]; then
      echo "::error::apply needs the digest of the approved plan; set the input approved" >&2
      exit 3
    fi
    reconciler apply --file "$FILE" --approved "$APPROVED" --summary "$GITHUB_STEP_SUMMARY"
    ;;
  drift)
    run_markdown reconciler drift --file "$FILE" --format markdown
    ;;
  *)
    echo "::error::$COMMAND is not a valid command; expected validate, plan, apply or drift" >&2
    exit 1
    ;;
esac
