"""Run the property tests in rounds, each with a random seed, until the time is up or a test fails.

These environment variables have an effect:

- STRESS_EXAMPLES: the factor by which the numbers of examples in `make test` are multiplied (default: 20);
- STRESS_MINUTES: the minutes after which no new round starts (default: 0, which is one round);
- STRESS_ARGUMENTS: more arguments for pytest, such as the path of one test module.
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
import time


def main() -> int:
    """Run the rounds, and return the exit status of the last one."""
    os.environ.setdefault("STRESS_EXAMPLES", "20")
    deadline = time.monotonic() + 60 * float(os.environ.get("STRESS_MINUTES", "0"))
    round_number = 0
    while True:
        round_number += 1
        seed = random.SystemRandom().getrandbits(64)
        _print(f"round {round_number}: --hypothesis-seed={seed}")
        command = _build_command(seed)
        status = subprocess.run(command, check=False).returncode
        if status:
            factor = os.environ["STRESS_EXAMPLES"]
            _print(
                f"round {round_number} failed; reproduce it with:\n  STRESS_EXAMPLES={factor} {shlex.join(command)}"
            )
            return status
        if time.monotonic() >= deadline:
            return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _build_command(seed: int) -> list[str]:
    distribution = ["-n", "auto", "--dist", "worksteal", "--maxfail", "1"]
    selection = ["-m", "hypothesis", f"--hypothesis-seed={seed}"]
    arguments = shlex.split(os.environ.get("STRESS_ARGUMENTS", ""))
    return [sys.executable, "-m", "pytest", *distribution, *selection, *arguments]


if __name__ == "__main__":
    sys.exit(main())
