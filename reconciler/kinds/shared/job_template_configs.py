"""The configurations of job templates: rollout, abort, timeout, retries, maintenance windows, URLs.

Source: AWS IoT API reference, the data types of CreateJobTemplate; AWS's messages for a threshold of 0 and for two criteria of an
increase, as users report them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import member
from reconciler.model.diagnostic import ValueProblem

DEFAULT_EXPIRES_IN_SECONDS = 3600
MAX_TIMEOUT_MINUTES = 10_080
MAX_FACTOR_DIGITS = 1
MAX_PERCENTAGE_DIGITS = 2

_ROLLOUT = "CreateJobTemplate.jobExecutionsRolloutConfig"
_ABORT = "CreateJobTemplate.abortConfig"
_RETRY = "CreateJobTemplate.jobExecutionsRetryConfig"


@frozen
class PresignedUrlConfig:
    """The URLs that AWS signs when a device asks for the document."""

    role_arn: str | None = member(
        "The role that may read the files.",
        api="CreateJobTemplate.presignedUrlConfig.roleArn",
        outside="role",
        default=None,
    )
    expires_in_sec: int = member(
        "How long the URLs are valid, in seconds.",
        api="CreateJobTemplate.presignedUrlConfig.expiresInSec",
        default=DEFAULT_EXPIRES_IN_SECONDS,
    )


@frozen
class RateIncreaseCriteria:
    """The number of devices at which the rate of a rollout increases: one of the two."""

    number_of_notified_things: int | None = member(
        "The number of devices that were notified.",
        api=f"{_ROLLOUT}.exponentialRate.rateIncreaseCriteria.numberOfNotifiedThings",
        default=None,
    )
    number_of_succeeded_things: int | None = member(
        "The number of devices that have succeeded.",
        api=f"{_ROLLOUT}.exponentialRate.rateIncreaseCriteria.numberOfSucceededThings",
        default=None,
    )


@frozen
class ExponentialRate:
    """A rate that grows."""

    base_rate_per_minute: int = member(
        "The devices per minute at first.", api=f"{_ROLLOUT}.exponentialRate.baseRatePerMinute"
    )
    increment_factor: float = member(
        "The factor of each increase, such as 1.5.", api=f"{_ROLLOUT}.exponentialRate.incrementFactor"
    )
    rate_increase_criteria: RateIncreaseCriteria = member(
        "The number of devices at which it increases.", api=f"{_ROLLOUT}.exponentialRate.rateIncreaseCriteria"
    )


@frozen
class RolloutConfig:
    """How fast devices get the job."""

    maximum_per_minute: int | None = member(
        "The most devices per minute.", api=f"{_ROLLOUT}.maximumPerMinute", default=None
    )
    exponential_rate: ExponentialRate | None = member(
        "A rate that grows.", api=f"{_ROLLOUT}.exponentialRate", default=None
    )


@frozen
class AbortCriteria:
    """One reason to cancel the job."""

    failure_type: Literal["FAILED", "REJECTED", "TIMED_OUT", "ALL"] = member(
        "The failures that count.", api=f"{_ABORT}.criteriaList.failureType"
    )
    threshold_percentage: float = member(
        "The percentage of failures.", api=f"{_ABORT}.criteriaList.thresholdPercentage"
    )
    min_number_of_executed_things: int = member(
        "The number of devices before the percentage counts.",
        api=f"{_ABORT}.criteriaList.minNumberOfExecutedThings",
    )
    action: str = member(
        "The action of AWS, which has only one.", api=f"{_ABORT}.criteriaList.action", default="CANCEL"
    )


@frozen
class AbortConfig:
    """When AWS cancels the job."""

    criteria_list: tuple[AbortCriteria, ...] = member("The reasons.", api=f"{_ABORT}.criteriaList")


@frozen
class TimeoutConfig:
    """How long a device may take."""

    in_progress_timeout_in_minutes: int = member(
        "The minutes, from 1 to 10,080.", api="CreateJobTemplate.timeoutConfig.inProgressTimeoutInMinutes"
    )


@frozen
class RetryCriteria:
    """How often a device tries again after a failure."""

    failure_type: Literal["FAILED", "TIMED_OUT", "ALL"] = member(
        "The failures that count.", api=f"{_RETRY}.criteriaList.failureType"
    )
    number_of_retries: int = member("How often.", api=f"{_RETRY}.criteriaList.numberOfRetries")


@frozen
class RetryConfig:
    """How often devices try again."""

    criteria_list: tuple[RetryCriteria, ...] = member(
        "The failures, with the number of retries.", api=f"{_RETRY}.criteriaList"
    )


@frozen
class MaintenanceWindow:
    """A time at which the job may run."""

    start_time: str = member(
        "When it starts, as a cron expression.", api="CreateJobTemplate.maintenanceWindows.startTime"
    )
    duration_in_minutes: int = member(
        "How long it lasts.", api="CreateJobTemplate.maintenanceWindows.durationInMinutes"
    )


def check_configs(
    rollout: RolloutConfig | None, abort: AbortConfig | None, timeout: TimeoutConfig | None
) -> Iterator[ValueProblem]:
    """Yield problems with values that the limits in AWS's service model allow and AWS rejects."""
    if rollout and rollout.exponential_rate:
        yield from _check_rate(rollout.exponential_rate)
    for criteria in abort.criteria_list if abort else ():
        if criteria.threshold_percentage <= 0 or _has_more_digits(
            criteria.threshold_percentage, MAX_PERCENTAGE_DIGITS
        ):
            yield ValueProblem(
                "invalid-threshold",
                f"{criteria.threshold_percentage} is not valid",
                f"a number above 0 with at most {MAX_PERCENTAGE_DIGITS} decimal places",
                path=("abort_config",),
            )
    minutes = timeout.in_progress_timeout_in_minutes if timeout else 1
    if not 1 <= minutes <= MAX_TIMEOUT_MINUTES:
        expected = f"a number from 1 to {MAX_TIMEOUT_MINUTES:,}"
        yield ValueProblem("invalid-timeout", f"{minutes:,} is not valid", expected, path=("timeout_config",))


def _check_rate(rate: ExponentialRate) -> Iterator[ValueProblem]:
    path = ("job_executions_rollout_config",)
    if _has_more_digits(rate.increment_factor, MAX_FACTOR_DIGITS):
        problem = f"the increment factor {rate.increment_factor} is not valid"
        yield ValueProblem("invalid-factor", problem, "at most one decimal place", path=path)
    criteria = rate.rate_increase_criteria
    if (criteria.number_of_notified_things is None) == (criteria.number_of_succeeded_things is None):
        yield ValueProblem(
            "conflicting-fields",
            "an increase of the rate needs exactly one criterion",
            "either number_of_notified_things or number_of_succeeded_things",
            path=path,
        )


def _has_more_digits(value: float, maximum: int) -> bool:
    """Return whether a number has more decimal places than a maximum."""
    return round(value, maximum) != value
