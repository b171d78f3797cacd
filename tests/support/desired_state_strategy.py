"""A Hypothesis strategy for desired states."""

from __future__ import annotations

import json

from attrs import evolve, frozen
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.fleet_metrics import AggregationType, FleetMetric
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
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import Resource
from reconciler.model.settings import DesiredState
from tests.support.account_settings_strategy import draw_log_levels
from tests.support.connectors_strategy import draw_connector_resources
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE_ARN,
    TEMPLATE_RESOURCES,
    make_ca,
    make_managed_thing,
    make_resource,
    make_state,
)
from tests.support.device_defender_strategy import draw_device_defender_resources
from tests.support.managed_integrations_strategy import draw_managed_integrations_resources
from tests.support.odd_values import odd_resources
from tests.support.plain_kinds_strategy import draw_plain_resources
from tests.support.software_strategy import draw_software_resources
from tests.support.topic_rule_strategy import draw_topic_rules

NAMES = ("a", "b", "c")
PROVISIONED_NAMES = ("c", "x")
"""Names of provisioned things: `c` can also be the name of a thing in another desired state."""
_texts = st.sampled_from(["oslo", "bergen", "x_1"])
_descriptions = st.sampled_from([None, "Plants"])
_tags = st.dictionaries(st.sampled_from(["line", "owner"]), _texts, max_size=2)
_INLINE_TEMPLATES = tuple(
    Document.parse(json.dumps({"Parameters": {name: {"Type": "String"}}, "Resources": {}}, indent=2))
    for name in ("A", "B")
)
_WIFI_SETUP = WiFiSimpleSetup(enable_as_provisioner=True, enable_as_provisionee=False, timeout_in_minutes=5)


@frozen
class _References:
    """The resources that a thing or a provisioned thing of a desired state can refer to."""

    certificates: list[Resource]
    policies: list[Resource]
    groups: list[Resource]
    billing_groups: list[Resource]
    types: list[Resource]

    @property
    def active_types(self) -> list[str]:
        """The names of the thing types that are not deprecated: AWS rejects a deprecated type for a thing."""
        return [thing_type.address.name for thing_type in self.types if not thing_type.spec.deprecated]


@st.composite
def desired_states(draw: st.DrawFn) -> DesiredState:
    """Return a valid desired state; there are few names, so two states often have resources in common."""
    ca_names = draw(st.sets(st.sampled_from(sorted(AUTHORITIES))))
    # By certificate name: the CA that signs the certificate, and the certificate's generation.
    signer_and_generation_by_name = draw(
        st.dictionaries(
            st.sampled_from(NAMES),
            st.tuples(st.sampled_from(["alpha", "beta"]), st.integers(1, 2)),
            max_size=3,
        )
    )
    policies = _draw_policies(draw)
    certificates = [
        _draw_certificate(draw, name, signer, generation, ca_names, policies)
        for name, (signer, generation) in sorted(signer_and_generation_by_name.items())
    ]
    templates = _draw_templates(draw)
    has_alpha = "alpha" in ca_names  # the CA of all provisioned things' certificates
    provisioned_names = sorted(draw(st.sets(st.sampled_from(PROVISIONED_NAMES)))) if has_alpha else []
    signing_cas = {signer for signer, _ in signer_and_generation_by_name.values()}
    if provisioned_names:
        signing_cas.add("alpha")
    resources = [
        *policies,
        *certificates,
        *(_draw_ca(draw, name, templates, signs=name in signing_cas) for name in sorted(ca_names)),
        *templates,
        *_draw_role_aliases(draw),
        *_draw_fleet_metrics(draw),
        *draw_topic_rules(draw),
        *draw_connector_resources(draw),
    ]
    groups = _draw_groups(draw, policies)
    dynamic_groups = _draw_dynamic_groups(draw, policies)
    resources += draw_device_defender_resources(draw, groups, dynamic_groups)
    billing_groups = _draw_billing_groups(draw)
    types = _draw_types(draw)
    references = _References(certificates, policies, groups, billing_groups, types)
    things = _draw_things(draw, references, provisioned_names)
    resources += [_draw_provisioned_thing(draw, name, references) for name in provisioned_names]
    resources += [*groups, *dynamic_groups, *billing_groups, *types, *things]
    resources += draw_log_levels(draw, groups)
    managed_things = _draw_managed_things(draw, things)
    profiles = _draw_profiles(draw)
    others = [*managed_things, *profiles]
    resources += [*others, *draw_managed_integrations_resources(draw, others)]
    resources += draw_plain_resources(draw)
    resources += draw_software_resources(draw)
    resources = [draw(odd_resources(resource)) for resource in resources]
    return make_state(*draw(st.permutations(resources)))


def _draw_policies(draw: st.DrawFn) -> list[Resource]:
    actions = st.sampled_from(["iot:Connect", "iot:Publish"])
    return [
        make_resource("policies", name, Policy(_make_policy_document(draw(actions)), draw(_tags)))
        for name in sorted(draw(st.sets(st.sampled_from(["p", "q"]))))
    ]


def _make_policy_document(action: str) -> Document:
    return Document.from_value(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    )


def _draw_certificate(  # noqa: PLR0917 (`name`, `signer` and `generation` identify a certificate)
    draw: st.DrawFn, name: str, signer: str, generation: int, ca_names: set[str], policies: list[Resource]
) -> Resource:
    """Return a certificate, which refers to its signer if that CA is desired too."""
    pem = Pem.parse(AUTHORITIES[signer].get_device_pem(name, generation))
    status = draw(st.sampled_from(["ACTIVE", "INACTIVE"]))
    policy_names = _draw_some(draw, _list_names(policies))
    if signer in ca_names:
        spec = Certificate(pem, ca=signer, status=status, policies=policy_names)
    else:
        spec = Certificate(pem, certificate_mode="SNI_ONLY", status=status, policies=policy_names)
    return make_resource("certificates", name, spec)


def _draw_ca(draw: st.DrawFn, name: str, templates: list[Resource], *, signs: bool) -> Resource:
    """Return the CA of this name, with random values in most of its other fields.

    `signs` is whether the CA signs certificates of the desired state and must therefore be active.
    """
    changes: dict[str, object] = {"tags": draw(_tags), "auto_registration": draw(st.booleans())}
    jitp_templates = [template.address.name for template in templates if template.spec.type == "JITP"]
    changes["registration_template"] = draw(st.sampled_from([None, *_INLINE_TEMPLATES, *jitp_templates]))
    if changes["registration_template"]:
        changes["registration_role_arn"] = draw(st.sampled_from([None, ROLE_ARN]))
    if draw(st.booleans()):
        changes |= {"certificate_mode": "SNI_ONLY", "verification": None}
    if not signs:
        changes["status"] = draw(st.sampled_from(["ACTIVE", "INACTIVE"]))
    return make_ca(name, **changes)


def _draw_templates(draw: st.DrawFn) -> list[Resource]:
    templates = []
    for name in sorted(draw(st.sets(st.sampled_from(["v", "w"])))):
        template_type = draw(st.sampled_from(["JITP", "FLEET_PROVISIONING"]))
        hook = Hook("arn:aws:lambda:eu-west-1:123456789012:function:check")
        spec = ProvisioningTemplate(
            body=Document.from_value(
                {"Parameters": {draw(_texts): {"Type": "String"}}, "Resources": TEMPLATE_RESOURCES}
            ),
            provisioning_role_arn=ROLE_ARN,
            type=template_type,
            enabled=draw(st.booleans()),
            description=draw(_descriptions),
            pre_provisioning_hook=draw(st.sampled_from([None, hook])) if template_type != "JITP" else None,
            tags=draw(_tags),
        )
        templates.append(make_resource("provisioning_templates", name, spec))
    return templates


def _draw_role_aliases(draw: st.DrawFn) -> list[Resource]:
    durations = st.sampled_from([900, 3600])
    names = sorted(draw(st.sets(st.just("r"))))
    return [
        make_resource("role_aliases", name, RoleAlias(ROLE_ARN, draw(durations), draw(_tags)))
        for name in names
    ]


def _draw_dynamic_groups(draw: st.DrawFn, policies: list[Resource]) -> list[Resource]:
    """Return dynamic groups; AWS lists them with the static groups, so no static group has their name."""
    queries = st.sampled_from(["attributes.site:oslo", "thingName:a"])
    return [
        make_resource(
            "dynamic_thing_groups",
            name,
            DynamicThingGroup(
                query_string=draw(queries),
                description=draw(_descriptions),
                attributes=draw(st.dictionaries(st.just("floor"), _texts)),
                tags=draw(_tags),
                policies=_draw_some(draw, _list_names(policies)),
            ),
        )
        for name in sorted(draw(st.sets(st.just("d"))))
    ]


def _draw_fleet_metrics(draw: st.DrawFn) -> list[Resource]:
    aggregations = st.sampled_from(
        [
            AggregationType("Statistics", ("count",)),
            AggregationType("Statistics", ("count", "sum")),
            AggregationType("Percentiles", ("10", "90")),
            AggregationType("Cardinality"),
        ]
    )
    return [
        make_resource(
            "fleet_metrics",
            name,
            FleetMetric(
                draw(st.sampled_from(["*", "thingName:a*"])),
                draw(aggregations),
                draw(st.sampled_from(["registry.version", "attributes.site"])),
                draw(st.sampled_from([60, 120])),
                description=draw(_descriptions),
                unit=draw(st.sampled_from(["None", "Count"])),
                tags=draw(_tags),
            ),
        )
        for name in sorted(draw(st.sets(st.just("m"))))
    ]


def _draw_groups(draw: st.DrawFn, policies: list[Resource]) -> list[Resource]:
    """Return groups; only `h` may have a parent, because no plan can move a group that has children."""
    names = sorted(draw(st.sets(st.sampled_from(["g", "h", "k"]))))
    groups = []
    for name in names:
        possible_parents = [None, *(parent for parent in names if parent != "h")] if name == "h" else [None]
        spec = ThingGroup(
            description=draw(_descriptions),
            attributes=draw(st.dictionaries(st.just("floor"), _texts)),
            tags=draw(_tags),
            parent=draw(st.sampled_from(possible_parents)),
            policies=_draw_some(draw, _list_names(policies)),
        )
        groups.append(make_resource("thing_groups", name, spec))
    return groups


def _draw_billing_groups(draw: st.DrawFn) -> list[Resource]:
    return [
        make_resource("billing_groups", name, BillingGroup(draw(_descriptions), draw(_tags)))
        for name in sorted(draw(st.sets(st.sampled_from(["b", "c"]))))
    ]


def _draw_types(draw: st.DrawFn) -> list[Resource]:
    return [
        make_resource(
            "thing_types",
            name,
            # AWS can change neither a type's description nor its searchable attributes, and the plan cannot replace a type
            # that things have: so these two fields depend on the name alone.
            ThingType(
                description="A pump" if name == "t" else None,
                searchable_attributes=("site", "house") if name == "u" else (),
                propagating_attributes=(PropagatingAttribute("where", "site"),)
                if draw(st.booleans())
                else (),
                deprecated=draw(st.booleans()),
                tags=draw(_tags),
            ),
        )
        for name in sorted(draw(st.sets(st.sampled_from(["t", "u"]))))
    ]


def _draw_things(draw: st.DrawFn, references: _References, provisioned_names: list[str]) -> list[Resource]:
    """Return things without deprecated types, in at most one group of each hierarchy.

    No thing has the name of a provisioned thing. Only a thing that shares no certificate with another may be `exclusive`.
    """
    things = []
    for name in sorted(draw(st.sets(st.sampled_from(NAMES))) - set(provisioned_names)):
        spec = Thing(
            thing_type=draw(st.sampled_from([None, *references.active_types])),
            attributes=draw(st.dictionaries(st.sampled_from(["site", "house"]), _texts)),
            thing_groups=_draw_max_one_group_per_hierarchy(draw, references.groups),
            certificates=_draw_some(draw, _list_names(references.certificates)),
            billing_group=draw(st.sampled_from([None, *_list_names(references.billing_groups)])),
        )
        things.append(make_resource("things", name, spec))
    return [
        replace(thing, spec=evolve(thing.spec, exclusive=draw(st.booleans())))
        if _shares_no_certificate(thing, things)
        else thing
        for thing in things
    ]


def _list_names(resources: list[Resource]) -> list[str]:
    return [resource.address.name for resource in resources]


def _draw_max_one_group_per_hierarchy(draw: st.DrawFn, groups: list[Resource]) -> tuple[str, ...]:
    parents = {group.address.name: group.spec.parent for group in groups}
    # A group without a parent is the root of its hierarchy, and no parent has a parent.
    group_by_root = {parents[name] or name: name for name in _draw_some(draw, _list_names(groups))}
    return tuple(group_by_root.values())


def _draw_provisioned_thing(draw: st.DrawFn, name: str, references: _References) -> Resource:
    """Return a provisioned thing; only the thing's name and certificate are parameters of its template."""
    thing_properties: dict[str, object] = {
        "ThingName": {"Ref": "Name"},
        "AttributePayload": draw(st.dictionaries(st.sampled_from(["site", "house"]), _texts | st.just(""))),
        "ThingGroups": list(_draw_max_one_group_per_hierarchy(draw, references.groups)),
        "ThingTypeName": draw(st.sampled_from([None, *references.active_types])),
        "BillingGroup": draw(st.sampled_from([None, *_list_names(references.billing_groups)])),
    }
    certificate_properties = {
        "CertificatePem": {"Ref": "Pem"},
        "Status": draw(st.sampled_from(["ACTIVE", "INACTIVE", "Active", "inactive"])),
    }
    template_resources = {
        "thing": {
            "Type": THING,
            "Properties": {key: value for key, value in thing_properties.items() if value},
        },
        "certificate": {"Type": CERTIFICATE, "Properties": certificate_properties},
    }
    for policy in _draw_some(draw, _list_names(references.policies)):
        template_resources[f"policy{policy}"] = {"Type": POLICY, "Properties": {"PolicyName": policy}}
    parameters = {"Name": {"Type": "String"}, "Pem": {"Type": "String"}}
    generation = draw(st.integers(1, 2))
    pem = AUTHORITIES["alpha"].get_device_pem(f"provisioned-{generation}-{name}", 1)
    template = Document.from_value({"Parameters": parameters, "Resources": template_resources})
    return make_resource(
        "provisioned_things", f"from-template-{name}", ProvisionedThing(template, {"Name": name, "Pem": pem})
    )


def _shares_no_certificate(thing: Resource, things: list[Resource]) -> bool:
    other_certificates = {name for other in things if other is not thing for name in other.spec.certificates}
    return other_certificates.isdisjoint(thing.spec.certificates)


def _draw_some(draw: st.DrawFn, names: list[str]) -> tuple[str, ...]:
    return tuple(sorted(draw(st.sets(st.sampled_from(names))))) if names else ()


def _draw_managed_things(draw: st.DrawFn, things: list[Resource]) -> list[Resource]:
    """Return credential lockers and managed things; a managed thing may be in a locker.

    No two managed things have the same setup code.
    """
    setup_codes = draw(st.permutations(["90001", "90002", "90003"]))
    names = sorted(draw(st.sets(st.sampled_from(NAMES))))
    locker_names = st.sampled_from([None, "X"])
    lockers = [
        make_resource("credential_lockers", name, CredentialLocker(draw(locker_names), draw(_tags)))
        for name in sorted(draw(st.sets(st.sampled_from(["l", "m"]))))
    ]
    managed_things = [
        make_managed_thing(
            name,
            setup_code,
            role=draw(st.sampled_from(["DEVICE", "CONTROLLER"])),
            thing=draw(st.sampled_from([None, *_list_names(things)])),
            brand=draw(st.sampled_from([None, "Acme", "Apex"])),
            credential_locker=draw(st.sampled_from([None, *_list_names(lockers)])),
            hub_network_mode=draw(st.sampled_from([None, "STANDARD", "NETWORK_WIDE_EXCLUSION"])),
            capabilities=draw(st.sampled_from([None, '{"on": 1}', '{"off": 2}'])),
            capability_report=draw(
                st.sampled_from([None, _make_capability_report("1"), _make_capability_report("2")])
            ),
            wi_fi_simple_setup_configuration=draw(st.sampled_from([None, _WIFI_SETUP])),
            meta_data=draw(_tags),
            tags=draw(_tags),
        )
        for name, setup_code in zip(names, setup_codes, strict=False)  # there may be fewer names than codes
    ]
    return [*lockers, *managed_things]


def _make_capability_report(endpoint_id: str) -> Document:
    endpoints = [{"id": endpoint_id, "deviceTypes": ["Light"], "capabilities": []}]
    return Document.from_value({"version": "1.0.0", "endpoints": endpoints})


def _draw_profiles(draw: st.DrawFn) -> list[Resource]:
    authority = AUTHORITIES["alpha"]
    claim_pems = st.sampled_from([authority.get_device_pem("claim", generation) for generation in (1, 2)])
    profiles = []
    for name in sorted(draw(st.sets(st.just("e")))):
        spec = ProvisioningProfile("JITR", ca_certificate=Pem.parse(authority.pem), tags=draw(_tags))
        if draw(st.booleans()):
            claim = Pem.parse(draw(claim_pems))
            spec = ProvisioningProfile("FLEET_PROVISIONING", claim_certificate=claim, tags=draw(_tags))
        profiles.append(make_resource("provisioning_profiles", name, spec))
    return profiles
