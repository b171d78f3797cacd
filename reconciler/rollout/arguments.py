"""The arguments of a rollout, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

from reconciler.engine.load.variables import ENVIRONMENT_VARIABLE_PREFIX
from reconciler.model.arguments import check_function, check_stop, check_type, name_argument
from reconciler.model.environment import format_value
from reconciler.model.settings import Environment
from reconciler.rollout.execution import Execution
from reconciler.rollout.results import RolloutPlan
from reconciler.rollout.schedule import FailureLimit, Waves

_ALL = ("*",)


def parse_envs(envs: str | Sequence[str] | None) -> tuple[str, ...]:
    """Parse the argument `envs`: names and globs; None means all.

    Raises ValueError if it is empty: a list that was computed may be empty by mistake.
    """
    if envs is None:
        return _ALL
    patterns = (envs,) if isinstance(envs, str) else tuple(envs)
    if not (patterns and all(isinstance(pattern, str) and pattern for pattern in patterns)):
        raise ValueError(f"envs: {envs!r} is not valid; expected names or globs, or None for all")
    return patterns


def parse_order(wave: str, max_failures: str | int) -> tuple[Waves, FailureLimit]:
    """Parse the arguments `wave` and `max_failures`. Raises ValueError."""
    with name_argument("wave"):
        waves = Waves.parse(str(wave))
    with name_argument("max_failures"):
        return waves, FailureLimit.parse(str(max_failures))


def check_execution(execution: Execution) -> Execution:
    """Return how tasks run. Raises TypeError if a part of it has another type."""
    check_executor(execution.executor)
    check_function("on_event", execution.on_event)
    check_stop(execution.stop)
    return execution


def check_executor(executor: object) -> None:
    """Raise TypeError unless the argument is an executor or None."""
    if executor is not None:
        expected = "an executor of concurrent.futures, or None for threads; a Dask client has one: client.get_executor(pure=False)"
        check_type("executor", executor, Executor, expected)


def check_rollout_plan(plan: object) -> None:
    """Raise TypeError unless the argument is the plan of a rollout."""
    check_type("plan", plan, RolloutPlan, "the result of Rollout.plan")


def find_exported_variables(environment: Environment) -> Mapping[str, str]:
    """Return the variables that the driver's environment variables set, which a worker may not have."""
    return {
        variable.name: format_value(variable.value)
        for variable in environment.variables
        if variable.source.startswith(ENVIRONMENT_VARIABLE_PREFIX)
    }
