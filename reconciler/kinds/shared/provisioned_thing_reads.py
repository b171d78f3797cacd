"""What there is of the provisioned things of a file, read in bulk, in the terms of their templates."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.base.reads import NOT_FOUND, merge_reads, request_each
from reconciler.kinds.shared import group_membership, x509
from reconciler.kinds.shared.certificate_attachments import EXCLUSIVE_THING
from reconciler.kinds.shared.certificate_issuance import known_certificate as known
from reconciler.kinds.shared.group_membership import workspace_group_name
from reconciler.kinds.shared.principal_reads import (
    certificate_ids,
    external_names,
    invert,
    read_certificates,
    read_policies_of,
    read_policy_targets,
    read_things,
    read_things_of,
    select_arns,
)
from reconciler.kinds.shared.provisioned_thing_spec import Carried, Provisioned, ProvisionedThingFacts
from reconciler.kinds.shared.provisioning_blueprint import Blueprint, blueprints, plain, sealed, secret_keys
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, External, Live, NotCompared, name_in_arn


def desired_spec(plan: Blueprint, save_to: OutputFile | None, scope: Scope) -> Provisioned:
    """What the template makes."""
    properties = plan.thing.properties
    certificate = plan.evaluated.certificate
    waiting = bool(plan.request) and not plan.certificate_id
    pem: Pem | NotCompared | None = None
    if certificate:
        known = plan.certificate or (Pem(plan.certificate_id) if plan.certificate_id else None)
        pem = NOT_COMPARED if waiting or known is None else known
    signer = (
        x509.find_signer(plan.certificate, scope.resources_of("ca_certificates"))
        if plan.certificate
        else None
    )
    return Provisioned(
        thing_name=plan.name,
        attributes=dict(properties.get("AttributePayload", {})),
        thing_type=_external(properties.get("ThingTypeName")),
        thing_groups=tuple(External(group) for group in sorted(set(plan.groups))),
        billing_group=_external(properties.get("BillingGroup")),
        certificate=pem,
        ca=signer,
        certificate_mode=_mode(signer, scope) if certificate else None,
        certificate_status=plain(certificate.properties.get("Status", "ACTIVE")) if certificate else None,
        save_to=save_to if waiting else NOT_COMPARED,
        policies=tuple(External(name) for name in plan.policies),
        policy_documents=plan.documents,
    )


def _mode(signer: str | None, scope: Scope) -> str | NotCompared:
    """The mode follows from the CA. Of a CA outside the file it is not known, so it is not compared."""
    ca = scope.desired.get(Address("ca_certificates", signer)) if signer else None
    return ca.spec.certificate_mode if ca else NOT_COMPARED


def read(scope: Scope) -> Read[Sequence[Live]]:
    """Everything that is there of what the templates name; a provisioned thing of which nothing is there is left out."""
    plans = {plan.address: plan for plan in blueprints(scope)}
    if not plans:
        return []
    names = sorted({plan.name for plan in plans.values()})
    alone = scope.previous_states is not None
    things = yield from read_things(names, use_listing=not alone)
    members = yield from (_members_of(things) if alone else _members(scope, plans.values()))
    billing = yield from _billing(things, () if alone else _billing_groups(scope, plans.values()))
    principals = yield from _principals(list(things))
    attached = certificate_ids(found["principal"] for edges in principals.values() for found in edges)
    issued = yield from _issued(plans.values(), principals)
    wanted = {plan.certificate_id for plan in plans.values() if plan.certificate_id} | set(issued.values())
    certificates = yield from read_certificates(sorted(wanted | attached), use_listing=not alone)
    policies: Mapping[str, Collection[str]]
    if alone:
        mine = sorted(wanted & certificates.keys())
        policies = invert((yield from read_policies_of(select_arns(mine, certificates))))
    else:
        having = yield from read_policy_targets(
            scope, (name for plan in plans.values() for name in plan.policies)
        )
        policies = {name: certificate_ids(arns) for name, arns in having.items()}
    documents = yield from _own_documents(plans.values(), wanted & certificates.keys(), certificates)
    ours = members.get(workspace_group_name(scope.workspace), frozenset())
    owners = yield from group_membership.read_owners([name for name in things if name not in ours])
    others = [name for name in sorted(attached - wanted) if name in certificates]
    users = yield from read_things_of(select_arns(others, certificates))
    # What others have, or the file wants elsewhere, is let go, and stays.
    if scope.previous_states is None:
        nobody_elses = users.keys() - wanted - _declared(scope)
    else:
        before = [live for live in scope.previous_states.values() if live]
        nobody_elses = {name for live in before for name in live.facts_as(ProvisionedThingFacts).holders}
    holders = {name: found for name, found in users.items() if name in nobody_elses}
    anew = yield from _carried(plans.values(), certificates, scope)
    seen = _Seen(
        members, billing, things, principals, certificates, policies, documents, holders, issued, owners, anew
    )
    lives = (seen.live(plan, scope.workspace) for plan in plans.values())
    return [live for live in lives if live]


@frozen
class _Seen:
    """All that was read, to be told apart by resource."""

    members: Mapping[str, Collection[str]]
    billing: Mapping[str, str]
    things: Mapping[str, Mapping[str, Any]]
    principals: Mapping[str, Sequence[Mapping[str, Any]]]
    certificates: Mapping[str, Mapping[str, Any]]
    targets: Mapping[str, Collection[str]]
    documents: Mapping[str, Sequence[Document]]
    holders: Mapping[str, Sequence[str]]
    issued: Mapping[str, str]
    owners: Mapping[str, str | None]
    anew: Mapping[str, Carried]

    def live(self, plan: Blueprint, workspace: str) -> Live | None:
        """One provisioned thing as far as there is any of it."""
        thing = self.things.get(plan.name)
        own = plan.certificate_id or self.issued.get(str(plan.address))
        registered = own if own in self.certificates else None
        if thing is None and registered is None:
            return None
        mark = workspace_group_name(workspace)
        held = [name_in_arn(found["principal"]) for found in self.principals.get(plan.name, ())]
        others = [name for name in held if name != registered and name in self.certificates]
        holders = {name: self.holders[name] for name in others if name in self.holders}
        spec = Provisioned(
            thing_name=plan.name if thing else None,
            other_certificates=tuple(External(name) for name in sorted(others)),
            **self._thing(plan, thing or {}, {mark, group_membership.protected_group_name(workspace)}),
            **self._certificate(plan, registered, held),
        )
        return Live(
            identity=str(plan.address),
            spec=spec,
            version=thing["version"] if thing else None,
            owner=workspace if plan.name in self.members.get(mark, ()) else self.owners.get(plan.name),
            declared_name=plan.address.name,
            prevent_destroy=plan.name
            in self.members.get(group_membership.protected_group_name(workspace), ()),
            includes=frozenset({plan.name, *held} | ({registered} if registered else set())),
            facts=ProvisionedThingFacts(
                exclusive=self._alone(plan.name),
                registered=registered,
                attached=registered in held,
                holders=holders,
                deletable=frozenset(name for name, having in holders.items() if len(having) <= 1),
                active=frozenset(name for name in others if self.certificates[name]["status"] == "ACTIVE"),
                carried=self.anew.get(registered or ""),
                fails=tuple(_failing(plan)),
            ),
        )

    def _alone(self, thing: str) -> frozenset[str]:
        """The ARNs of the certificates that no other thing may have beside it."""
        return frozenset(
            found["principal"]
            for found in self.principals.get(thing, ())
            if found.get("thingPrincipalType") == EXCLUSIVE_THING
        )

    def _thing(self, plan: Blueprint, thing: Mapping[str, Any], marks: Collection[str]) -> dict[str, Any]:
        """The thing's part. What the template leaves alone on a thing that exists is not compared."""
        overrides = plan.thing.overrides if thing else {}
        attributes = thing.get("attributes", {})
        groups = [group for group, names in self.members.items() if plan.name in names and group not in marks]
        if overrides.get("AttributePayload") == "MERGE":
            named = plan.thing.properties.get("AttributePayload", {})
            attributes = {key: value for key, value in attributes.items() if key in named}
        # Where the template puts a secret, the value that AWS has is one as well.
        told = secret_keys(plan.thing.properties.get("AttributePayload", {}))
        attributes = sealed(attributes, told, plan.address)
        if overrides.get("ThingGroups") == "MERGE":
            groups = [group for group in groups if group in plan.groups]
        found: dict[str, Any] = {
            "attributes": attributes,
            "thing_type": _external(thing.get("thingTypeName")),
            "thing_groups": tuple(External(group) for group in sorted(groups)),
            "billing_group": _external(self.billing.get(plan.name)),
        }
        for setting, name in _SETTINGS.items():
            if overrides.get(setting) == "DO_NOTHING":
                found[name] = NOT_COMPARED
        return found

    def _certificate(self, plan: Blueprint, registered: str | None, held: Sequence[str]) -> dict[str, Any]:
        if registered is None:
            return {}
        item = self.certificates[registered]
        part = plan.evaluated.certificate
        left_alone = part is not None and part.overrides.get("Status") == "DO_NOTHING"
        return {
            "certificate": Pem(registered) if registered in held else None,
            "certificate_mode": item.get("certificateMode", "DEFAULT"),
            "certificate_status": NOT_COMPARED if left_alone else item["status"],
            "policies": tuple(External(name) for name, ids in self.targets.items() if registered in ids),
            "policy_documents": tuple(
                found for found in plan.documents if found in self.documents.get(registered, ())
            ),
        }


# Without a setting AWS's behaviour is not documented. A reconciler exists to bring what differs in line, so it is
# REPLACE here; nothing is touched that does not bear the workspace's mark.
_SETTINGS = {"AttributePayload": "attributes", "ThingTypeName": "thing_type", "ThingGroups": "thing_groups"}


def _failing(plan: Blueprint) -> Iterator[str]:
    yield from (name for setting, name in _SETTINGS.items() if plan.thing.overrides.get(setting) == "FAIL")
    if plan.evaluated.certificate and plan.evaluated.certificate.overrides.get("Status") == "FAIL":
        yield "certificate_status"


def _members(scope: Scope, plans: Collection[Blueprint]) -> Any:
    groups = {workspace_group_name(scope.workspace)} | {group for plan in plans for group in plan.groups}
    groups |= {live.identity for live in scope.live_of("thing_groups")}
    answers = yield [
        ApiCall("iot", "ListThingsInThingGroup", {"thingGroupName": group}, ignored_errors=NOT_FOUND)
        for group in sorted(groups)
    ]
    return {
        group: frozenset(answer.get("things", ()))
        for group, answer in zip(sorted(groups), answers, strict=True)
    }


def _members_of(things: Collection[str]) -> Any:
    """The same of some things alone, asked of each."""
    groups = yield from group_membership.read_groups_of_things(sorted(things))
    return invert(groups)


def _billing_groups(scope: Scope, plans: Collection[Blueprint]) -> list[str]:
    named = {plain(g) for plan in plans if (g := plan.thing.properties.get("BillingGroup"))}
    return sorted(named | {live.identity for live in scope.live_of("billing_groups")})


def _billing(things: Mapping[str, Mapping[str, Any]], groups: Collection[str]) -> Any:
    """The billing group of each thing: a description tells it, a listing does not."""
    answers = yield [
        ApiCall("iot", "ListThingsInBillingGroup", {"billingGroupName": group}, ignored_errors=NOT_FOUND)
        for group in groups
    ]
    told = {name: thing["billingGroupName"] for name, thing in things.items() if "billingGroupName" in thing}
    return told | {
        thing: group
        for group, answer in zip(groups, answers, strict=True)
        for thing in answer.get("things", ())
    }


def _principals(things: Sequence[str]) -> Any:
    answers = yield [
        ApiCall("iot", "ListThingPrincipalsV2", {"thingName": name}, ignored_errors=NOT_FOUND)
        for name in things
    ]
    return {
        name: [found for found in answer.get("thingPrincipalObjects", ()) if ":cert/" in found["principal"]]
        for name, answer in zip(things, answers, strict=True)
    }


def _issued(plans: Collection[Blueprint], principals: Mapping[str, Sequence[Mapping[str, Any]]]) -> Any:
    """Certificates that an earlier run had issued and did not come to save: their things have them, the key tells."""
    waiting = {
        (str(plan.address), name): x509.signing_request_key_digest(plan.request)
        for plan in plans
        if plan.request and not plan.certificate_id
        for name in certificate_ids(found["principal"] for found in principals.get(plan.name, ()))
    }
    answers = yield from request_each("DescribeCertificate", "certificateId", [name for _, name in waiting])
    return {
        address: name
        for ((address, name), key), answer in zip(waiting.items(), answers, strict=True)
        if answer
        and x509.public_key_digest(Pem.parse(answer["certificateDescription"]["certificatePem"])) == key
    }


def _own_documents(
    plans: Collection[Blueprint], registered: Collection[str], certificates: Mapping[str, Mapping[str, Any]]
) -> Any:
    """The documents of the policies that certificates have, where templates bring documents: AWS names those by a hash."""
    ids = sorted(
        plan.certificate_id or "" for plan in plans if plan.documents and plan.certificate_id in registered
    )
    attached = yield from read_policies_of(select_arns(ids, certificates))
    names = sorted({policy for found in attached.values() for policy in found})
    texts = yield from request_each("GetPolicy", "policyName", names)
    documents = {
        name: Document.parse(answer["policyDocument"])
        for name, answer in zip(names, texts, strict=True)
        if answer
    }
    return {
        name: [documents[policy] for policy in found if policy in documents]
        for name, found in attached.items()
    }


def _declared(scope: Scope) -> set[str]:
    """The certificates that the file has in other tables."""
    own = {
        found.fingerprint
        for resource in scope.resources_of("certificates")
        if (found := known(resource.spec))
    }
    return own | external_names(
        name for thing in scope.resources_of("things") for name in thing.spec.certificates
    )


def _carried(
    plans: Collection[Blueprint], certificates: Mapping[str, Mapping[str, Any]], scope: Scope
) -> Any:
    """What the certificates have that have to be registered anew, because their CA's mode is another one now."""
    signed = {
        plan.certificate_id: x509.find_signer(plan.certificate, scope.resources_of("ca_certificates"))
        for plan in plans
        if plan.certificate and plan.certificate_id in certificates
    }
    wrong = sorted(
        name or ""
        for name, signer in signed.items()
        if _mode(signer, scope)
        not in {NOT_COMPARED, certificates[name or ""].get("certificateMode", "DEFAULT")}
    )
    arns = select_arns(wrong, certificates)
    things, policies = yield from merge_reads(read_things_of(arns), read_policies_of(arns))
    return {name: Carried(certificates[name]["status"], things[name], policies[name]) for name in wrong}


def _external(value: Any) -> External | None:
    return External(plain(value)) if value else None


def _arn(item: Mapping[str, Any]) -> str:
    arn: str = item.get("certificateDescription", item)["certificateArn"]
    return arn
