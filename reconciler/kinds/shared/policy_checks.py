"""Check the policy documents in a file: their size, grammar and permissions."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.aws_limits import POLICY_CHARACTERS
from reconciler.kinds.shared.policy_grammar import find_grammar_problems
from reconciler.kinds.shared.policy_linter import find_policy_warnings
from reconciler.model.diagnostic import ValueProblem


def check_policy(text: str, *path: str | int) -> Iterator[ValueProblem]:
    """Yield the problems of a policy document; `text` is a JSON object, and `path` is where it is.

    The permissions are checked only if the grammar is valid, and the grammar only if AWS would read a document of this size.
    """
    size_problems = [*POLICY_CHARACTERS.check(len("".join(text.split())), path)]
    grammar_problems = () if size_problems else find_grammar_problems(text)
    has_errors = bool(size_problems or grammar_problems)
    yield from size_problems
    for problem in (*grammar_problems, *(() if has_errors else find_policy_warnings(text))):
        yield problem.nest_under(*path)
