"""Builders for desired states, plans and applies, and a Hypothesis strategy for desired states."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve
from hypothesis import strategies as st

from reconciler.aws.quotas import load_quotas
from reconciler.engine.apply.executor import apply_plan
from reconciler.engine.load.evaluation import evaluate
from reconciler.engine.plan.planner import make_plan
from reconciler.kinds.base.schema import members
from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.ca_certificates import CaCertificate, CaVerification
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.managed_things import ManagedThing
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.provisioning_profiles import ProvisioningProfile
from reconciler.kinds.provisioning_templates import Hook, ProvisioningTemplate
from reconciler.kinds.role_aliases import RoleAlias
from reconciler.kinds.shared.managed_thing_spec import WiFiSimpleSetup
from reconciler.kinds.shared.provisioning_template import CERTIFICATE, POLICY, THING
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import PropagatingAttribute, ThingType
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from reconciler.model.outcome import Outcome
from reconciler.model.pem import Pem
from reconciler.model.plan import Plan
from reconciler.model.plan_options import LimitOverride, PlanOptions
from reconciler.model.resource import Lifecycle, Resource
from reconciler.model.secret import Secret
from reconciler.model.settings import ChangeLimits, DesiredState, Settings
from tests.support.pki import Authority
from tests.support.registry_client import TARGET, Cloud

AUTHORITIES = {name: Authority(name) for name in ("alpha", "beta")}
ROLE = "arn:aws:iam::123456789012:role/provisioning"
QUOTAS = load_quotas({})


def resource(kind: str, name: str, spec: object, **lifecycle: object) -> Resource:
    """Return a resource that depends on what its spec refers to."""
    dependencies = set()
    for member in members(type(spec)).values():
        value = getattr(spec, member.name)
        if member.references:
            items = value if isinstance(value, tuple) else (value,)
            dependencies |= {Address(member.references, item) for item in items if isinstance(item, str)}
    return Resource(Address(kind, name), spec, frozenset(dependencies), Lifecycle(**lifecycle))


def state(*resources: Resource, workspace: str = "ws", **settings: object) -> DesiredState:
    """Return a desired state; without limits by default, because most tests delete a large part of it."""
    settings.setdefault("limits", ChangeLimits(delete_percent=100, replace_percent=100))
    return DesiredState(Settings(workspace, **settings), evaluated(*resources))


def evaluated(*resources: Resource) -> dict[Address, Resource]:
    """Return the resources by address, with what the loader works out of them."""
    return dict(evaluate({resource.address: resource for resource in resources}))


def device(name: str, generation: int = 1, **attributes: str) -> tuple[Resource, Resource]:
    """Return a certificate of the CA alpha, and the thing that it is attached to."""
    pem = Pem.parse(AUTHORITIES["alpha"].device(name, generation))
    return (
        resource("certificates", name, Certificate(pem, ca="alpha")),
        resource("things", name, Thing(attributes=attributes, certificates=(name,))),
    )


def ca(name: str = "alpha", **changes: object) -> Resource:
    """Return a CA that can be registered."""
    authority = AUTHORITIES[name]
    verification = CaVerification(key=Secret(f"env {name}", authority.key_pem))
    return resource(
        "ca_certificates",
        name,
        evolve(CaCertificate(Pem.parse(authority.pem), verification=verification), **changes),
    )


def managed(name: str, code: str = "90001", **changes: object) -> Resource:
    """Return a managed thing with a setup code."""
    spec = ManagedThing("DEVICE", Secret(f"env {name}", code), "ZWAVE_QR_BAR_CODE")
    return resource("managed_things", name, evolve(spec, **changes))


def plan_of(
    desired: DesiredState,
    cloud: Cloud,
    *,
    destroy: bool = False,
    adopt: Collection[Address] = (),
    wave: float = 100.0,
    allow: Mapping[str, str] = MappingProxyType({}),
    select: Collection[str] = (),
    exclude: Collection[str] = (),
) -> Plan:
    """Return a plan for a registry; `allow` overrides the limits, such as `{"delete": "10%"}`."""
    overrides = {action: LimitOverride.parse(limit) for action, limit in allow.items()}
    return make_plan(
        desired,
        PlanOptions(destroy, frozenset(adopt), wave, overrides, tuple(select), tuple(exclude)),
        target=TARGET,
        call=cloud.call,
        quotas=QUOTAS,
        progress=lambda *_: None,
    )


def plan_errors(desired: DesiredState, cloud: Cloud, **options: Any) -> list[str]:
    """Return the reasons to reject a plan, which there must be."""
    with pytest.raises(PlanRejectedError) as caught:
        plan_of(desired, cloud, **options)
    return list(caught.value.reasons)


def run(plan: Plan, cloud: Cloud, **options: object) -> list[Outcome]:
    """Apply a plan with pauses a hundred times shorter: the registry in this process answers at once."""
    options.setdefault("pause", lambda seconds: time.sleep(seconds / 100))
    return list(apply_plan(plan, cloud.call, stop=threading.Event(), **options))


def converge(desired: DesiredState, cloud: Cloud) -> Plan:
    """Plan and apply, and check that every step was applied."""
    plan = plan_of(desired, cloud)
    assert failures(run(plan, cloud)) == []
    return plan


def failures(outcomes: list[Outcome]) -> list[str]:
    """Return status, address and error of every step that was not applied."""
    return [
        f"{outcome.status} {outcome.change.address}: {getattr(outcome, 'error', '')}"
        for outcome in outcomes
        if outcome.status not in {"started", "waiting", "applied"}
    ]


NAMES = ("a", "b", "c")
PROVISIONED = ("c", "x")
"""Names of provisioned things: one of them can also be the name of a thing."""
_texts = st.sampled_from(["oslo", "bergen", "x_1"])
_descriptions = st.sampled_from([None, "Plants"])
_tags = st.dictionaries(st.sampled_from(["line", "owner"]), _texts, max_size=2)


@st.composite
def desired_states(draw: st.DrawFn) -> DesiredState:
    """Return any valid desired state, with few different names: two states often have some in common."""
    resources: list[Resource] = []
    cas = draw(st.sets(st.sampled_from(sorted(AUTHORITIES))))
    certificates = draw(
        st.dictionaries(st.sampled_from(NAMES), st.tuples(st.booleans(), st.integers(1, 2)), max_size=3)
    )
    signers = {}
    policies = sorted(draw(st.sets(st.sampled_from(["p", "q"]))))
    resources += [
        resource(
            "policies",
            name,
            Policy(_allow(draw(st.sampled_from(["iot:Connect", "iot:Publish"]))), draw(_tags)),
        )
        for name in policies
    ]
    for name, (is_beta, generation) in sorted(certificates.items()):
        signer = "beta" if is_beta else "alpha"
        signers[name] = signer
        pem = Pem.parse(AUTHORITIES[signer].device(name, generation))
        more = {
            "status": draw(st.sampled_from(["ACTIVE", "INACTIVE"])),
            "policies": _some(draw, policies),
        }
        if signer in cas:
            spec = Certificate(pem, ca=signer, **more)
        else:
            spec = Certificate(pem, certificate_mode="SNI_ONLY", **more)
        resources.append(resource("certificates", name, spec))
    templates = _any_templates(draw)
    provisioned = sorted(draw(st.sets(st.sampled_from(PROVISIONED)))) if "alpha" in cas else []
    signing = {*signers.values(), *(["alpha"] if provisioned else [])}
    resources += [_any_ca(draw, name, templates, signs=name in signing) for name in sorted(cas)]
    resources += [*templates, *_any_aliases(draw), *_any_profiles(draw)]
    groups = _any_groups(draw, policies)
    billing_groups = [
        resource("billing_groups", name, BillingGroup(draw(_descriptions), draw(_tags)))
        for name in sorted(draw(st.sets(st.sampled_from(["b", "c"]))))
    ]
    types = _any_types(draw)
    things = _any_things(draw, certificates, groups, billing_groups, types, provisioned)
    resources += [
        _any_provisioned(draw, name, groups, billing_groups, types, policies) for name in provisioned
    ]
    resources += [*groups, *_any_dynamic_groups(draw), *billing_groups, *types, *things]
    resources += _any_managed(draw, _names(things))
    return state(*draw(st.permutations(resources)))


def _allow(action: str) -> Document:
    return Document.from_value(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    )


def _any_ca(draw: st.DrawFn, name: str, templates: list[Resource], *, signs: bool) -> Resource:
    """Return a CA; one that signs certificates stays active."""
    changes: dict[str, object] = {"tags": draw(_tags), "auto_registration": draw(st.booleans())}
    usable = [template.address.name for template in templates if template.spec.type == "JITP"]
    if usable:
        changes["registration_template"] = draw(st.sampled_from([None, *usable]))
        if changes["registration_template"]:
            changes["registration_role_arn"] = draw(st.sampled_from([None, ROLE]))
    if draw(st.booleans()):
        changes |= {"certificate_mode": "SNI_ONLY", "verification": None}
    if not signs:
        changes["status"] = draw(st.sampled_from(["ACTIVE", "INACTIVE"]))
    return ca(name, **changes)


def _any_templates(draw: st.DrawFn) -> list[Resource]:
    templates = []
    for name in sorted(draw(st.sets(st.sampled_from(["v", "w"])))):
        kind = draw(st.sampled_from(["JITP", "FLEET_PROVISIONING"]))
        hook = Hook("arn:aws:lambda:eu-west-1:123456789012:function:check")
        spec = ProvisioningTemplate(
            Document.from_value({"Parameters": {draw(_texts): {"Type": "String"}}, "Resources": {}}),
            ROLE,
            kind,
            draw(st.booleans()),
            draw(_descriptions),
            draw(st.sampled_from([None, hook])) if kind != "JITP" else None,
            draw(_tags),
        )
        templates.append(resource("provisioning_templates", name, spec))
    return templates


def _any_aliases(draw: st.DrawFn) -> list[Resource]:
    durations = st.sampled_from([900, 3600])
    names = sorted(draw(st.sets(st.just("r"))))
    return [resource("role_aliases", name, RoleAlias(ROLE, draw(durations), draw(_tags))) for name in names]


def _any_dynamic_groups(draw: st.DrawFn) -> list[Resource]:
    """Return dynamic groups, with other names than static groups: AWS keeps both in one list."""
    queries = st.sampled_from(["attributes.site:oslo", "thingName:a"])
    return [
        resource(
            "dynamic_thing_groups",
            name,
            DynamicThingGroup(
                draw(queries),
                draw(_descriptions),
                draw(st.dictionaries(st.just("floor"), _texts)),
                tags=draw(_tags),
            ),
        )
        for name in sorted(draw(st.sets(st.just("d"))))
    ]


def _any_groups(draw: st.DrawFn, policies: list[str]) -> list[Resource]:
    """Return groups of which only `h` may have a parent: AWS rejects moving a group that has children."""
    names = sorted(draw(st.sets(st.sampled_from(["g", "h", "k"]))))
    return [
        resource(
            "thing_groups",
            name,
            ThingGroup(
                draw(_descriptions),
                draw(st.dictionaries(st.just("floor"), _texts)),
                draw(_tags),
                draw(st.sampled_from([None, *(other for other in names if other != "h")]))
                if name == "h"
                else None,
                _some(draw, policies),
            ),
        )
        for name in names
    ]


def _any_types(draw: st.DrawFn) -> list[Resource]:
    return [
        resource(
            "thing_types",
            name,
            # The name decides on the fields that AWS never changes: things of the type would prevent its replacement.
            ThingType(
                {"t": "A pump"}.get(name),
                {"u": ("site", "house")}.get(name, ()),
                (PropagatingAttribute("where", "site"),) if draw(st.booleans()) else (),
                deprecated=draw(st.booleans()),
                tags=draw(_tags),
            ),
        )
        for name in sorted(draw(st.sets(st.sampled_from(["t", "u"]))))
    ]


def _any_things(  # noqa: PLR0917 (each is a kind that a thing may name)
    draw: st.DrawFn,
    certificates: dict[str, tuple[bool, int]],
    groups: list[Resource],
    billing_groups: list[Resource],
    types: list[Resource],
    provisioned: list[str],
) -> list[Resource]:
    """Return valid things: no deprecated type, one group per hierarchy, no name of a provisioned thing."""
    things = []
    for name in sorted(draw(st.sets(st.sampled_from(NAMES))) - set(provisioned)):
        spec = Thing(
            thing_type=draw(st.sampled_from([None, *_usable(types)])),
            attributes=draw(st.dictionaries(st.sampled_from(["site", "house"]), _texts)),
            thing_groups=_one_of_each_hierarchy(draw, groups),
            certificates=_some(draw, sorted(certificates)),
            billing_group=draw(st.sampled_from([None, *_names(billing_groups)])),
        )
        things.append(resource("things", name, spec))
    return [
        evolve(thing, spec=evolve(thing.spec, exclusive=draw(st.booleans())))
        if _shares_no_certificate(thing, things)
        else thing
        for thing in things
    ]


def _names(resources: list[Resource]) -> list[str]:
    return [resource.address.name for resource in resources]


def _usable(types: list[Resource]) -> list[str]:
    return [thing_type.address.name for thing_type in types if not thing_type.spec.deprecated]


def _one_of_each_hierarchy(draw: st.DrawFn, groups: list[Resource]) -> tuple[str, ...]:
    parents = {group.address.name: group.spec.parent for group in groups}
    return tuple({parents[group] or group: group for group in _some(draw, sorted(parents))}.values())


def _any_provisioned(  # noqa: PLR0917 (each is a kind that a template may name)
    draw: st.DrawFn,
    name: str,
    groups: list[Resource],
    billing_groups: list[Resource],
    types: list[Resource],
    policies: list[str],
) -> Resource:
    """Return a provisioned thing; only the thing's name and certificate are parameters of its template."""
    thing: dict[str, object] = {
        "ThingName": {"Ref": "Name"},
        "AttributePayload": draw(st.dictionaries(st.sampled_from(["site", "house"]), _texts)),
        "ThingGroups": list(_one_of_each_hierarchy(draw, groups)),
        "ThingTypeName": draw(st.sampled_from([None, *_usable(types)])),
        "BillingGroup": draw(st.sampled_from([None, *_names(billing_groups)])),
    }
    certificate = {
        "CertificatePem": {"Ref": "Pem"},
        "Status": draw(st.sampled_from(["ACTIVE", "INACTIVE"])),
    }
    parts = {
        "thing": {"Type": THING, "Properties": {key: value for key, value in thing.items() if value}},
        "certificate": {"Type": CERTIFICATE, "Properties": certificate},
    }
    for policy in _some(draw, policies):
        parts[f"policy{policy}"] = {"Type": POLICY, "Properties": {"PolicyName": policy}}
    parameters = {"Name": {"Type": "String"}, "Pem": {"Type": "String"}}
    pem = AUTHORITIES["alpha"].device(f"provisioned-{draw(st.integers(1, 2))}-{name}", 1)
    template = Document.from_value({"Parameters": parameters, "Resources": parts})
    return resource(
        "provisioned_things", f"from-template-{name}", ProvisionedThing(template, {"Name": name, "Pem": pem})
    )


def _shares_no_certificate(thing: Resource, things: list[Resource]) -> bool:
    others = {name for other in things if other is not thing for name in other.spec.certificates}
    return others.isdisjoint(thing.spec.certificates)


def _some(draw: st.DrawFn, names: list[str]) -> tuple[str, ...]:
    return tuple(sorted(draw(st.sets(st.sampled_from(names))))) if names else ()


def _any_managed(draw: st.DrawFn, things: list[str]) -> list[Resource]:
    codes = draw(st.permutations(["90001", "90002", "90003"]))
    names = sorted(draw(st.sets(st.sampled_from(NAMES))))
    lockers = [
        resource(
            "credential_lockers", name, CredentialLocker(draw(st.sampled_from([None, "X"])), draw(_tags))
        )
        for name in sorted(draw(st.sets(st.sampled_from(["l", "m"]))))
    ]
    return [
        *lockers,
        *(
            managed(
                name,
                code,
                role=draw(st.sampled_from(["DEVICE", "CONTROLLER"])),
                thing=draw(st.sampled_from([None, *things])),
                brand=draw(st.sampled_from([None, "Acme", "Apex"])),
                credential_locker=draw(st.sampled_from([None, *_names(lockers)])),
                hub_network_mode=draw(st.sampled_from([None, "STANDARD", "NETWORK_WIDE_EXCLUSION"])),
                capabilities=draw(st.sampled_from([None, '{"on": 1}', '{"off": 2}'])),
                capability_report=draw(st.sampled_from([None, _report("1"), _report("2")])),
                wi_fi_simple_setup_configuration=draw(
                    st.sampled_from([None, WiFiSimpleSetup(True, False, 5)])
                ),
                meta_data=draw(_tags),
                tags=draw(_tags),
            )
            for name, code in zip(names, codes, strict=False)
        ),
    ]


def _report(endpoint: str) -> Document:
    endpoints = [{"id": endpoint, "deviceTypes": ["Light"], "capabilities": []}]
    return Document.from_value({"version": "1.0.0", "endpoints": endpoints})


def _any_profiles(draw: st.DrawFn) -> list[Resource]:
    authority = AUTHORITIES["alpha"]
    claims = st.sampled_from([authority.device("claim"), authority.device("claim", 2)])
    profiles = []
    for name in sorted(draw(st.sets(st.just("e")))):
        spec = ProvisioningProfile("JITR", ca_certificate=Pem.parse(authority.pem), tags=draw(_tags))
        if draw(st.booleans()):
            claim = Pem.parse(draw(claims))
            spec = ProvisioningProfile("FLEET_PROVISIONING", claim_certificate=claim, tags=draw(_tags))
        profiles.append(resource("provisioning_profiles", name, spec))
    return profiles
