"""Builders for desired states, plans and applies."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.aws.quotas import load_quotas
from reconciler.engine.apply.executor import apply_plan
from reconciler.engine.load.evaluation import evaluate
from reconciler.engine.plan.planner import make_plan
from reconciler.kinds import all_kinds
from reconciler.kinds.base.references import find_references
from reconciler.kinds.ca_certificates import CaCertificate, CaVerification
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.managed_things import ManagedThing
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from reconciler.model.outcome import Outcome
from reconciler.model.pem import Pem
from reconciler.model.plan import Plan
from reconciler.model.plan_options import LimitOverride, PlanOptions
from reconciler.model.resource import Lifecycle, Resource
from reconciler.model.run import RunCall
from reconciler.model.secret import Secret
from reconciler.model.settings import ChangeLimits, DesiredState, Settings
from tests.support.pki import Authority
from tests.support.registry_client import TARGET, Cloud

AUTHORITIES = {name: Authority(name) for name in ("alpha", "beta")}
ROLE_ARN = "arn:aws:iam::123456789012:role/provisioning"
TEMPLATE_RESOURCES = {"thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a"}}}
"""The resources of the smallest valid provisioning template."""
QUOTAS = load_quotas({})  # the quotas that AWS grants by default


def make_resource(kind: str, name: str, spec: object, **lifecycle: object) -> Resource:
    """Return a resource that depends on the resources that its spec refers to.

    `lifecycle` has fields of `Lifecycle`, such as `prevent_destroy`.
    """
    return Resource(Address(kind, name), spec, frozenset(find_references(spec)), Lifecycle(**lifecycle))


def make_state(*resources: Resource, workspace: str = "ws", **settings: object) -> DesiredState:
    """Return a desired state of these resources; `settings` has fields of `Settings`.

    By default, a plan may delete or replace everything, because most tests change a large part of their resources.
    """
    settings.setdefault("limits", ChangeLimits(delete_percent=100, replace_percent=100))
    return DesiredState(Settings(workspace, **settings), evaluate_resources(*_add_dependencies(resources)))


def _add_dependencies(resources: Sequence[Resource]) -> list[Resource]:
    """Return the resources, each with all its dependencies.

    They are what its spec refers to, which a test may have changed, and the account settings that its kind needs.
    """
    settings = {resource.address.kind: resource.address for resource in resources}
    return [
        replace(
            resource,
            own_dependencies=resource.dependencies
            | frozenset(find_references(resource.spec))
            | {
                settings[table]
                for table in all_kinds()[resource.address.kind].needs_settings & settings.keys()
            },
        )
        for resource in resources
    ]


def evaluate_resources(*resources: Resource) -> dict[Address, Resource]:
    """Return the resources by address, evaluated as after loading.

    Each resource has its `evaluation`, the values that its kind derives from it, and its implied dependencies.
    """
    by_address = {resource.address: resource for resource in resources}
    for address, resource in by_address.items():
        implied = frozenset(all_kinds()[address.kind].find_implied_dependencies(resource, by_address))
        if implied:
            by_address[address] = replace(resource, own_dependencies=resource.dependencies | implied)
    return dict(evaluate(by_address))


def make_device(name: str, generation: int = 1, **attributes: str) -> tuple[Resource, Resource]:
    """Return a certificate signed by the CA alpha, and a thing with this certificate.

    Each `generation` is another certificate; `attributes` are the thing's.
    """
    pem = Pem.parse(AUTHORITIES["alpha"].get_device_pem(name, generation))
    return (
        make_resource("certificates", name, Certificate(pem, ca="alpha")),
        make_resource("things", name, Thing(attributes=attributes, certificates=(name,))),
    )


def make_ca(name: str = "alpha", **changes: object) -> Resource:
    """Return the CA `alpha` or `beta`, with the key that its registration needs.

    `changes` has values of fields, which replace the values that are set here.
    """
    authority = AUTHORITIES[name]
    verification = CaVerification(key=Secret(f"env {name}", authority.key_pem))
    return make_resource(
        "ca_certificates",
        name,
        evolve(CaCertificate(Pem.parse(authority.pem), verification=verification), **changes),
    )


def make_managed_thing(name: str, setup_code: str = "90001", **changes: object) -> Resource:
    """Return a managed thing with a setup code; `changes` has values that replace or add fields."""
    spec = ManagedThing("DEVICE", Secret(f"env {name}", setup_code), "ZWAVE_QR_BAR_CODE")
    return make_resource("managed_things", name, evolve(spec, **changes))


def plan_state(
    desired: DesiredState,
    cloud: Cloud,
    *,
    destroy: bool = False,
    adopt: Collection[Address] = (),
    wave: float = 100.0,
    allow: Mapping[str, str] = MappingProxyType({}),
    allow_cascade: bool = False,
    select: Collection[str] = (),
    exclude: Collection[str] = (),
    unanswered_calls: Sequence[RunCall] = (),
) -> Plan:
    """Return a plan for the registry of `cloud`.

    `wave` is the percentage of the rotations in one wave; the plan has all rotations, but limits count only one wave. `allow`
    overrides limits, such as `{"delete": "10%"}`.
    """
    overrides = {action: LimitOverride.parse(limit) for action, limit in allow.items()}
    return make_plan(
        desired,
        PlanOptions(
            destroy=destroy,
            adopt=frozenset(adopt),
            wave_percent=wave,
            limit_overrides=overrides,
            select=tuple(select),
            exclude=tuple(exclude),
            allow_cascade=allow_cascade,
        ),
        target=TARGET,
        call=cloud.call,
        quotas=QUOTAS,
        progress=lambda *_: None,
        unanswered_calls=unanswered_calls,
    )


def get_rejection_reasons(desired: DesiredState, cloud: Cloud, **options: Any) -> list[str]:
    """Plan a desired state whose plan must be rejected, and return the reasons."""
    with pytest.raises(PlanRejectedError) as caught:
        plan_state(desired, cloud, **options)
    return list(caught.value.reasons)


def apply(plan: Plan, cloud: Cloud, **options: object) -> list[Outcome]:
    """Apply a plan, and return all outcomes; `options` has other arguments of `apply_plan`.

    By default, pauses are 100 times shorter, because the registry in this process needs no waiting.
    """
    options.setdefault("pause", lambda seconds: time.sleep(seconds / 100))
    return list(apply_plan(plan, cloud.call, stop=threading.Event(), **options))


def converge(desired: DesiredState, cloud: Cloud, **options: Any) -> Plan:
    """Plan and apply, check that every step was applied, and return the plan."""
    plan = plan_state(desired, cloud, **options)
    assert list_failures(apply(plan, cloud)) == []
    return plan


def list_failures(outcomes: list[Outcome]) -> list[str]:
    """Return a text for each step that was not applied: its status, its address, and its error, if any."""
    return [
        f"{outcome.status} {outcome.change.address}: {getattr(outcome, 'error', '')}"
        for outcome in outcomes
        if outcome.status not in {"started", "waiting", "applied"}
    ]
