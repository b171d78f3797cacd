"""Desired states made in memory, and Hypothesis strategies for any of them."""

from __future__ import annotations

import threading
from collections.abc import Collection

from attrs import evolve
from hypothesis import strategies as st

from reconciler.aws.quotas import load_quotas
from reconciler.engine.apply import apply
from reconciler.engine.plan import Request, make_plan
from reconciler.kinds import all_kinds
from reconciler.kinds.ca_certificates import CaCertificate, Verification
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.managed_things import ManagedThing
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.outcome import Outcome
from reconciler.model.pem import Pem
from reconciler.model.plan import Plan
from reconciler.model.resource import Desired, Lifecycle, Resource
from reconciler.model.secret import Secret
from reconciler.model.settings import DesiredState, Settings
from tests.cloud import TARGET, Cloud
from tests.pki import Authority

AUTHORITIES = {name: Authority(name) for name in ("alpha", "beta")}
QUOTAS = load_quotas({})


def resource(kind: str, name: str, spec: object, **lifecycle: object) -> Resource:
    """A resource that needs what its spec refers to."""
    needs = set()
    for member in all_kinds()[kind].members.values():
        value = getattr(spec, member.name)
        if member.references:
            items = value if isinstance(value, tuple) else (value,)
            needs |= {Address(member.references, item) for item in items if isinstance(item, str)}
    return Resource(Address(kind, name), spec, frozenset(needs), Lifecycle(**lifecycle))


def state(*resources: Resource, workspace: str = "ws", **settings: object) -> DesiredState:
    return DesiredState(Settings(workspace, **settings), {found.address: found for found in resources})


def device(name: str, generation: int = 1, **attributes: str) -> tuple[Resource, Resource]:
    """A certificate of the CA alpha, and the thing that has it."""
    pem = Pem.parse(AUTHORITIES["alpha"].device(name, generation))
    return (
        resource("certificates", name, Certificate(pem, ca="alpha")),
        resource("things", name, Thing(attributes=attributes, certificates=(name,))),
    )


def ca(name: str = "alpha", **changes: object) -> Resource:
    authority = AUTHORITIES[name]
    verification = Verification(key=Secret(f"env {name}", authority.key_pem))
    return resource(
        "ca_certificates", name, evolve(CaCertificate(Pem.parse(authority.pem), verification=verification), **changes)
    )


def managed(name: str, code: str = "90001", **more: object) -> Resource:
    spec = ManagedThing("DEVICE", Secret(f"env {name}", code), "ZWAVE_QR_BAR_CODE")
    return resource("managed_things", name, evolve(spec, **more))


def plan_of(wanted: DesiredState, cloud: Cloud, *, destroy: bool = False, adopt: Collection[Address] = ()) -> Plan:
    return make_plan(
        wanted,
        Request(destroy, frozenset(adopt)),
        target=TARGET,
        call=cloud.call,
        quotas=QUOTAS,
        progress=lambda *_: None,
    )


def run(plan: Plan, cloud: Cloud, **options: object) -> list[Outcome]:
    return list(apply(plan, cloud.call, stop=threading.Event(), **options))


def converge(wanted: DesiredState, cloud: Cloud) -> Plan:
    """Plan and apply; every step must have been applied."""
    plan = plan_of(wanted, cloud)
    assert failures(run(plan, cloud)) == []
    return plan


def failures(outcomes: list[Outcome]) -> list[str]:
    """What did not go as planned, for people."""
    return [
        f"{found.word} {found.change.address}: {getattr(found, 'error', '')}"
        for found in outcomes
        if found.word not in {"started", "applied"}
    ]


NAMES = ("a", "b", "c")
_texts = st.sampled_from(["oslo", "bergen", "x_1"])
_tags = st.dictionaries(st.sampled_from(["line", "owner"]), _texts, max_size=2)


@st.composite
def desired_states(draw: st.DrawFn) -> DesiredState:
    """Any valid desired state over a small world of names, so that two of them meet often."""
    found: list[Resource] = []
    cas = draw(st.sets(st.sampled_from(sorted(AUTHORITIES))))
    certificates = draw(st.dictionaries(st.sampled_from(NAMES), st.tuples(st.booleans(), st.integers(1, 2)), max_size=3))
    signers = {}
    for name, (second, generation) in sorted(certificates.items()):
        signer = "beta" if second else "alpha"
        signers[name] = signer
        pem = Pem.parse(AUTHORITIES[signer].device(name, generation))
        status = draw(st.sampled_from(["ACTIVE", "INACTIVE"]))
        if signer in cas:
            spec = Certificate(pem, ca=signer, status=status)
        else:
            spec = Certificate(pem, certificate_mode="SNI_ONLY", status=status)
        found.append(resource("certificates", name, spec))
    found += [_any_ca(draw, name, idle=name not in signers.values()) for name in sorted(cas)]
    groups = sorted(draw(st.sets(st.sampled_from(["g", "h"]))))
    for name in groups:
        attributes = draw(st.dictionaries(st.just("floor"), _texts))
        spec_group = ThingGroup(draw(st.sampled_from([None, "Plants"])), attributes, draw(_tags))
        found.append(resource("thing_groups", name, spec_group))
    things = sorted(draw(st.sets(st.sampled_from(NAMES))))
    for name in things:
        spec_thing = Thing(
            attributes=draw(st.dictionaries(st.sampled_from(["site", "house"]), _texts)),
            thing_groups=tuple(draw(st.sets(st.sampled_from(groups)))) if groups else (),
            certificates=tuple(draw(st.sets(st.sampled_from(sorted(certificates))))) if certificates else (),
        )
        found.append(resource("things", name, spec_thing))
    found += _any_managed(draw, things)
    return state(*draw(st.permutations(found)))


def _any_ca(draw: st.DrawFn, name: str, *, idle: bool) -> Resource:
    changes: dict[str, object] = {"tags": draw(_tags), "auto_registration": draw(st.booleans())}
    if draw(st.booleans()):
        changes |= {"certificate_mode": "SNI_ONLY", "verification": None}
    if idle:
        changes["status"] = draw(st.sampled_from(["ACTIVE", "INACTIVE"]))
    return ca(name, **changes)


def _any_managed(draw: st.DrawFn, things: list[str]) -> list[Resource]:
    codes = draw(st.permutations(["90001", "90002", "90003"]))
    names = sorted(draw(st.sets(st.sampled_from(NAMES))))
    return [
        managed(
            name,
            code,
            role=draw(st.sampled_from(["DEVICE", "CONTROLLER"])),
            thing=draw(st.sampled_from([None, *things])),
            brand=draw(st.sampled_from([None, "Acme", "Apex"])),
            capabilities=draw(st.sampled_from([None, '{"on": 1}', '{"off": 2}'])),
            meta_data=draw(_tags),
            tags=draw(_tags),
        )
        for name, code in zip(names, codes, strict=False)
    ]
