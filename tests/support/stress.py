"""Run the property tests with random seeds until the time is up or one fails.

STRESS_EXAMPLES: how many times more examples are tried than in `make test` (default: 10).
STRESS_MINUTES: the time after which no new round starts (default: one round).
STRESS_ARGUMENTS: more arguments for pytest, such as the path of one test module.
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
import time


def main() -> int:
    """Return the exit status of the last round."""
    os.environ.setdefault("STRESS_EXAMPLES", "10")
    end = time.monotonic() + 60 * float(os.environ.get("STRESS_MINUTES", "0"))
    number = 0
    while True:
        number += 1
        seed = random.SystemRandom().getrandbits(64)
        _print(f"round {number}: --hypothesis-seed={seed}")
        command = _build_command(seed)
        status = subprocess.run(command, check=False).returncode
        if status:
            factor = os.environ["STRESS_EXAMPLES"]
            _print(
                f"round {number} failed; reproduce it with:\n  STRESS_EXAMPLES={factor} {shlex.join(command)}"
            )
            return status
        if time.monotonic() >= end:
            return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _build_command(seed: int) -> list[str]:
    workers = ["-n", "auto", "--dist", "worksteal", "--maxfail", "1"]
    selection = ["-m", "hypothesis", f"--hypothesis-seed={seed}"]
    arguments = shlex.split(os.environ.get("STRESS_ARGUMENTS", ""))
    return [sys.executable, "-m", "pytest", *workers, *selection, *arguments]


if __name__ == "__main__":
    sys.exit(main())
