#!/usr/bin/env bash
# Runs one command for a workflow step. Inputs: $COMMAND, $FILE, $ENVIRONMENTS, $WAVE, $MAX_FAILURES and $APPROVED. The result is in the step summary, except for `validate`.
# `plan` and `drift` also write it as Markdown to $RUNNER_TEMP/reconciler.md. Step outputs: `digest`, `changes`, and `markdown`, which
# is true if that file was written. If there is no plan, the file has the reason.
set -euo pipefail

markdown="$RUNNER_TEMP/reconciler.md"
stderr="$RUNNER_TEMP/reconciler.stderr"
saved_plan="$RUNNER_TEMP/reconciler.plan.json"
lines="$RUNNER_TEMP/reconciler.plan.jsonl"

options=(--file "$FILE")
read -ra environments <<<"$ENVIRONMENTS"
for environment in "${environments[@]}"; do
  options+=(--env "$environment")
done
is_rollout=false
if ((${#environments[@]} > 1)) || [[ "$ENVIRONMENTS" == *[*?[]* ]]; then
  is_rollout=true
fi

write_output() { # NAME VALUE, on one line
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

run_markdown() { # OUTPUT COMMAND…: runs a command, publishes the Markdown in the file, and writes what it prints to OUTPUT; exit code 2 means changes, not failure
  local code=0 output="$1" subject=plan
  shift
  "$@" >"$output" 2>"$stderr" || code=$?
  cat "$stderr" >&2
  if ((code != 0 && code != 2)); then
    if [[ "$COMMAND" == plan ]]; then # replaces the comment, which would otherwise still show the previous plan
      if [[ ! -s "$markdown" ]]; then # a rollout shows the plans of the other environments, and the reasons
        [[ "$is_rollout" == false ]] || subject=rollout-plan
        python3 "$GITHUB_ACTION_PATH/plan_failed.py" "$code" "$FILE" "$stderr" "$subject" >"$markdown"
      fi
      cat "$markdown" >>"$GITHUB_STEP_SUMMARY"
      write_output markdown true
    fi
    exit "$code"
  fi
  cat "$markdown" >>"$GITHUB_STEP_SUMMARY"
  write_output markdown true
  write_output changes "$([[ $code == 2 ]] && echo true || echo false)"
}

read_digest() { # of a JSON document on stdin, or of the first JSON line
  python3 -c 'import json, sys; print(json.JSONDecoder().raw_decode(sys.stdin.read())[0]["digest"])'
}

case "$COMMAND" in
  validate)
    reconciler validate "${options[@]}"
    ;;
  plan)
    rm -f "$saved_plan" "$markdown"
    if [[ "$is_rollout" == true ]]; then
      run_markdown "$lines" reconciler plan "${options[@]}" --format jsonl --summary "$markdown" --detailed-exitcode
      write_output digest "$(read_digest <"$lines")"
    else
      run_markdown "$markdown" reconciler plan "${options[@]}" --format markdown --out "$saved_plan" --detailed-exitcode
      write_output digest "$(reconciler show "$saved_plan" --format json "${options[@]}" | read_digest)"
    fi
    ;;
  apply)
    if [[ -z "$APPROVED" ]]; then
      echo "::error::apply needs the digest of the approved plan; set the input approved" >&2
      exit 3
    fi
    [[ -z "$WAVE" ]] || options+=(--wave "$WAVE")
    [[ -z "$MAX_FAILURES" ]] || options+=(--max-failures "$MAX_FAILURES")
    reconciler apply "${options[@]}" --approved "$APPROVED" --summary "$GITHUB_STEP_SUMMARY"
    ;;
  drift)
    run_markdown "$markdown" reconciler drift "${options[@]}" --format markdown
    ;;
  *)
    echo "::error::$COMMAND is not a valid command; expected validate, plan, apply or drift" >&2
    exit 1
    ;;
esac
