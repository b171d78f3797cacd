"""Read the things and the policies of many device certificates with few calls.

AWS lists the things and the policies of one certificate at a time, ten and fifteen certificates per second. The other direction is faster
in an account with few policies and few things outside the workspace: a page has 250 targets of a policy, and the certificates of the
workspace's things are known already. Each read tries the other direction with a bounded number of calls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.base.indexed_response import collect_values
from reconciler.kinds.base.reads import PAGE_SIZE, has_more_pages, list_each, request_each
from reconciler.kinds.shared.principal_reads import read_policies_of, read_things_of
from reconciler.kinds.shared.thing_spec import ThingFacts
from reconciler.model.call import ApiCall

_MIN_CERTIFICATES = 20
"""The smallest number of certificates for which the other direction is tried."""

_CALLS_PER_ITEM = 10
"""The number of certificates for which one policy, or one page of targets or things, is read."""

_TARGET_PAGES_PER_CERTIFICATE_PAGE = 2
"""The most pages of targets that a re-read lists, for each of the pages of certificates.

With AWS's quotas, these are eight of the ten pages of targets that AWS allows in a second.
"""


def read_things_of_many(arns: Mapping[str, str], scope: Scope) -> Read[dict[str, tuple[str, ...]]]:
    """Return the sorted names of the things that have each certificate, by the keys of `arns`.

    The kind that reads them has `things` in its `reads_after`. If the principals of things may be remembered, each certificate is
    read: what a plan deletes is never decided from memory.
    """
    if scope.may_remember or len(arns) < _MIN_CERTIFICATES:
        return (yield from read_things_of(arns))
    principals = {
        thing.identity: thing.get_facts(ThingFacts).principals for thing in scope.get_live("things")
    }
    limit = math.ceil((len(principals) + len(arns) / _CALLS_PER_ITEM) / PAGE_SIZE) * PAGE_SIZE
    (listing,) = yield [ApiCall("iot", "ListThings", max_items=limit)]
    outside_things = [item["thingName"] for item in listing["things"] if item["thingName"] not in principals]
    if has_more_pages(listing) or len(outside_things) > len(arns) / _CALLS_PER_ITEM:
        return (yield from read_things_of(arns))
    responses = yield from request_each("ListThingPrincipalsV2", "thingName", outside_things)
    for thing, response in zip(outside_things, responses, strict=True):
        principals[thing] = tuple(item["principal"] for item in response.get("thingPrincipalObjects", ()))
    return _invert(principals, arns)


def read_policies_of_many(arns: Mapping[str, str]) -> Read[dict[str, tuple[str, ...]]]:
    """Return the sorted names of all policies of each certificate, by the keys of `arns`."""
    if len(arns) < _MIN_CERTIFICATES:
        return (yield from read_policies_of(arns))
    return (yield from _read_policies_by_target(arns, len(arns) // _CALLS_PER_ITEM))


def reread_policies(arns: Mapping[str, str], scope: Scope) -> Read[dict[str, tuple[str, ...]]]:
    """Return the same in a re-read, with listings of all targets if re-reads list certificates."""
    max_pages = scope.reread_pages.get("certificates", 0)
    if not arns or not max_pages:
        return (yield from read_policies_of(arns))
    return (yield from _read_policies_by_target(arns, max_pages * _TARGET_PAGES_PER_CERTIFICATE_PAGE))


def _read_policies_by_target(arns: Mapping[str, str], max_calls: int) -> Read[dict[str, tuple[str, ...]]]:
    (listing,) = yield [ApiCall("iot", "ListPolicies", max_items=PAGE_SIZE)]
    policies = [item["policyName"] for item in listing["policies"]]
    if has_more_pages(listing) or len(policies) > max_calls:
        return (yield from read_policies_of(arns))
    max_pages = max_calls // max(len(policies), 1)
    responses = yield from list_each("ListTargetsForPolicy", "policyName", policies, max_pages)
    if responses is None:
        return (yield from read_policies_of(arns))
    targets = {
        policy: collect_values(response, "targets")
        for policy, response in zip(policies, responses, strict=True)
    }
    return {
        key: tuple(sorted(policy for policy in policies if arn in targets[policy]))
        for key, arn in arns.items()
    }


def _invert(
    arns_by_name: Mapping[str, tuple[str, ...]], arns: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return the sorted names that have each ARN, by the keys of `arns`."""
    names_by_arn: dict[str, list[str]] = {arn: [] for arn in arns.values()}
    for name, arns_of_name in sorted(arns_by_name.items()):
        for arn in names_by_arn.keys() & arns_of_name:
            names_by_arn[arn].append(name)
    return {key: tuple(names_by_arn[arn]) for key, arn in arns.items()}
