#!/usr/bin/env bash
# Install the packages that the named locks pin into .venv, which is created if it is missing.
# usage: requirements/install.sh LOCK...
# Environment: PYTHON is the interpreter for a new .venv (default: python3).
# Each package is a line of output. The elapsed time is shown in between, because some steps take long.
set -euo pipefail
cd "$(dirname "$0")/.."

show_elapsed_time() {
  while sleep 3; do echo "  … $SECONDS s"; done
}

show_packages() {
  while read -r word name _; do
    case $word in
      Collecting | Processing) name=${name##*/} && echo "  ${name%.whl}" ;;
      Installing) echo "  unpacking …" ;;
    esac
  done
}

python=${PYTHON:-python3}
[ -x .venv/bin/python ] && python=.venv/bin/python
# A shim of pyenv exists also for a version that is not installed; it prints several lines and fails.
if ! version=$("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null); then
  echo "$python does not run; name another interpreter of Python 3.11 or newer, such as: make apply PYTHON=python3.12" >&2
  exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  [ "$python" = .venv/bin/python ] && clean="make clean && " || clean=""
  echo "$python is Python $version, but 3.11 or newer is needed; run: ${clean}make apply PYTHON=python3.12" >&2
  exit 1
fi

show_elapsed_time &
trap "kill $! 2>/dev/null" EXIT

if [ ! -x .venv/bin/pip ]; then
  echo "creating .venv …"
  "$python" -m venv .venv
fi
# Python compiles modules when they are first imported; to compile all of them takes longer than to download them.
install=(.venv/bin/pip install --disable-pip-version-check --no-compile --progress-bar off --no-deps)
echo "installing $* …"
"${install[@]}" --require-hashes "${@/#/--requirement=requirements/}" | show_packages
