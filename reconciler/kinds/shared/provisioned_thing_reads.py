"""Read the live parts of provisioned things in bulk."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.kinds.base.context import Read, Response, Scope
from reconciler.kinds.base.reads import NOT_FOUND, merge_reads, request_each
from reconciler.kinds.shared import group_membership, x509
from reconciler.kinds.shared.ca_certificate_spec import get_declared_mode
from reconciler.kinds.shared.certificate_issuance import find_known_certificate
from reconciler.kinds.shared.group_membership import build_workspace_group_name
from reconciler.kinds.shared.principal_reads import (
    describe_things,
    extract_certificate_ids,
    invert,
    read_certificates,
    read_policies_of,
    read_policy_targets,
    read_things,
    read_things_of,
    reread_certificates,
    select_arns,
    select_external_names,
)
from reconciler.kinds.shared.provisioned_thing_live import LiveBuilder
from reconciler.kinds.shared.provisioned_thing_spec import Provisioned, ProvisionedThingFacts, Registration
from reconciler.kinds.shared.provisioning_blueprint import (
    Blueprint,
    get_status,
    select_blueprints,
    to_external,
    to_text,
)
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, External, Live, NotCompared


def build_desired_spec(blueprint: Blueprint, save_to: OutputFile | None, scope: Scope) -> Provisioned:
    """Return the parts that a template describes, in the form in which `read` returns the live ones."""
    properties = blueprint.thing.properties
    certificate = blueprint.evaluated.certificate
    is_unsaved = bool(blueprint.signing_request) and not blueprint.certificate_id
    signer = None
    if blueprint.certificate:
        signer = x509.find_signer(blueprint.certificate, scope.iterate_resources("ca_certificates"))
    return Provisioned(
        thing_name=blueprint.name,
        attributes=dict(blueprint.attributes),
        thing_type=to_external(properties.get("ThingTypeName")),
        thing_groups=tuple(External(group) for group in sorted(set(blueprint.groups))),
        billing_group=to_external(properties.get("BillingGroup")),
        certificate=_find_desired_certificate(blueprint) if certificate else None,
        ca=signer,
        certificate_mode=_find_mode(signer, scope) if certificate else None,
        certificate_status=get_status(certificate) if certificate else None,
        save_to=save_to if is_unsaved else NOT_COMPARED,
        policies=tuple(External(name) for name in blueprint.policies),
        policy_documents=blueprint.documents,
    )


def _find_desired_certificate(blueprint: Blueprint) -> Pem | NotCompared:
    """Return the template's certificate; one that no apply has saved is not compared."""
    if blueprint.certificate_id is None:
        return NOT_COMPARED
    return blueprint.certificate or Pem(blueprint.certificate_id)


def _find_mode(signer: str | None, scope: Scope) -> str | NotCompared:
    """Return the mode of the certificate's CA, which is not compared if the file does not determine it."""
    ca = scope.desired.get(Address("ca_certificates", signer)) if signer else None
    return (get_declared_mode(ca) if ca else None) or NOT_COMPARED


def read(scope: Scope) -> Read[Sequence[Live]]:
    """Return the provisioned things of which at least the thing or the certificate exists."""
    blueprints = {blueprint.address: blueprint for blueprint in select_blueprints(scope)}
    if not blueprints:
        return []
    builder = yield from _read_parts(scope, blueprints.values())
    live_things = [builder.build(blueprint) for blueprint in blueprints.values()]
    return [live for live in live_things if live]


def _read_parts(scope: Scope, blueprints: Collection[Blueprint]) -> Read[LiveBuilder]:
    """Read everything that the templates refer to; return the builder of the live resources."""
    is_reread = scope.previous_states is not None
    names = sorted({blueprint.name for blueprint in blueprints})
    things = yield from (describe_things(names) if is_reread else read_things(names))
    members = yield from (_read_members_among(things) if is_reread else _read_members(scope, blueprints))
    billing_groups = yield from _read_billing_groups(
        things, () if is_reread else _select_billing_groups(scope, blueprints)
    )
    principals = yield from _read_certificate_principals(list(things))
    attached_ids = extract_certificate_ids(
        item["principal"] for items in principals.values() for item in items
    )
    issued_ids = yield from _read_issued_ids(blueprints, principals)
    own_ids = {blueprint.certificate_id for blueprint in blueprints if blueprint.certificate_id}
    own_ids |= set(issued_ids.values())
    certificate_ids = sorted(own_ids | attached_ids)
    certificates = yield from (
        reread_certificates(certificate_ids, scope) if is_reread else read_certificates(certificate_ids)
    )
    registered_ids = own_ids & certificates.keys()
    policies = yield from _read_policies(scope, blueprints, registered_ids, certificates)
    documents = yield from _read_own_documents(blueprints, registered_ids, certificates)
    owned_names = members.get(build_workspace_group_name(scope.workspace), frozenset())
    owners = yield from group_membership.read_owners([name for name in things if name not in owned_names])
    other_ids = [identity for identity in sorted(attached_ids - own_ids) if identity in certificates]
    holders = yield from read_things_of(select_arns(other_ids, certificates))
    undeclared_ids = _select_undeclared(scope, holders)
    # In a re-read, a certificate of the previous read may have been detached or deleted.
    remaining_ids = sorted(undeclared_ids & holders.keys())
    deletable_ids = [
        identity
        for identity in remaining_ids
        if len(holders[identity]) <= 1 and _was_deletable(identity, scope)
    ]
    deletable_policies = yield from read_policies_of(select_arns(deletable_ids, certificates))
    registrations = yield from _read_registrations(blueprints, certificates, scope)
    return LiveBuilder(
        workspace=scope.workspace,
        members=members,
        billing_groups=billing_groups,
        things=things,
        principals=principals,
        certificates=certificates,
        policies=policies,
        documents=documents,
        things_by_certificate={
            identity: holder_names for identity, holder_names in holders.items() if identity in undeclared_ids
        },
        deletable_policies=deletable_policies,
        issued_ids=issued_ids,
        owners=owners,
        registrations=registrations,
    )


def _read_members(scope: Scope, blueprints: Collection[Blueprint]) -> Read[dict[str, frozenset[str]]]:
    """Return the members of the workspace's group, the templates' groups and all live groups, by name."""
    groups = {build_workspace_group_name(scope.workspace)}
    groups |= {group for blueprint in blueprints for group in blueprint.groups}
    groups |= {live.identity for live in scope.get_live("thing_groups")}
    responses = yield [
        ApiCall("iot", "ListThingsInThingGroup", {"thingGroupName": group}, ignored_errors=NOT_FOUND)
        for group in sorted(groups)
    ]
    return {
        group: frozenset(response.get("things", ()))
        for group, response in zip(sorted(groups), responses, strict=True)
    }


def _read_members_among(things: Collection[str]) -> Read[dict[str, frozenset[str]]]:
    """Return which of the things are in each group, by group name; no other members are read."""
    groups = yield from group_membership.read_groups_of_things(sorted(things))
    return invert(groups)


def _select_billing_groups(scope: Scope, blueprints: Collection[Blueprint]) -> list[str]:
    template_groups = (blueprint.thing.properties.get("BillingGroup") for blueprint in blueprints)
    live_groups = {group.identity for group in scope.get_live("billing_groups")}
    return sorted({to_text(name) for name in template_groups if name} | live_groups)


def _read_billing_groups(things: Mapping[str, Response], groups: Collection[str]) -> Read[dict[str, str]]:
    """Return the billing group of each thing.

    A thing's description has its billing group; a listing of things does not, so the members of `groups` are read, too.
    """
    responses = yield [
        ApiCall("iot", "ListThingsInBillingGroup", {"billingGroupName": group}, ignored_errors=NOT_FOUND)
        for group in groups
    ]
    described_groups = {
        name: thing["billingGroupName"] for name, thing in things.items() if "billingGroupName" in thing
    }
    listed_groups = {
        thing: group
        for group, response in zip(groups, responses, strict=True)
        for thing in response.get("things", ())
    }
    return described_groups | listed_groups


def _read_certificate_principals(things: Sequence[str]) -> Read[dict[str, list[Response]]]:
    """Return the principals of each thing that are certificates."""
    responses = yield [
        ApiCall("iot", "ListThingPrincipalsV2", {"thingName": name}, ignored_errors=NOT_FOUND)
        for name in things
    ]
    return {
        name: [item for item in response.get("thingPrincipalObjects", ()) if ":cert/" in item["principal"]]
        for name, response in zip(things, responses, strict=True)
    }


def _read_issued_ids(
    blueprints: Collection[Blueprint], principals: Mapping[str, Sequence[Response]]
) -> Read[dict[str, str]]:
    """Return the certificates that an earlier apply requested but did not save: their IDs, by address.

    The address is that of the provisioned thing. Among the certificates of its thing, the issued one is found by the public
    key of the signing request.
    """
    candidates = {
        (str(blueprint.address), identity): x509.compute_signing_request_key_digest(blueprint.signing_request)
        for blueprint in blueprints
        if blueprint.signing_request and not blueprint.certificate_id
        for identity in extract_certificate_ids(
            item["principal"] for item in principals.get(blueprint.name, ())
        )
    }
    ids = [identity for _, identity in candidates]
    responses = yield from request_each("DescribeCertificate", "certificateId", ids)
    issued = {}
    for ((address, identity), key_digest), response in zip(candidates.items(), responses, strict=True):
        if response:
            pem = Pem.parse(response["certificateDescription"]["certificatePem"])
            if x509.compute_public_key_digest(pem) == key_digest:
                issued[address] = identity
    return issued


def _read_policies(
    scope: Scope,
    blueprints: Collection[Blueprint],
    registered_ids: Collection[str],
    certificates: Mapping[str, Response],
) -> Read[Mapping[str, Collection[str]]]:
    """Return the IDs of the certificates that each policy is attached to, by policy name."""
    if scope.previous_states is not None:
        policies = yield from read_policies_of(select_arns(sorted(registered_ids), certificates))
        return invert(policies)
    names = (name for blueprint in blueprints for name in blueprint.policies)
    targets = yield from read_policy_targets(scope, names)
    return {name: extract_certificate_ids(arns) for name, arns in targets.items()}


def _read_own_documents(
    blueprints: Collection[Blueprint], registered_ids: Collection[str], certificates: Mapping[str, Response]
) -> Read[dict[str, list[Document]]]:
    """Return the policy documents of each certificate whose template creates policies, by certificate ID.

    AWS names such policies by a hash, so they are found by their documents.
    """
    ids_with_documents = (blueprint.certificate_id for blueprint in blueprints if blueprint.documents)
    ids = sorted(identity for identity in ids_with_documents if identity and identity in registered_ids)
    attached = yield from read_policies_of(select_arns(ids, certificates))
    names = sorted({policy for policies in attached.values() for policy in policies})
    responses = yield from request_each("GetPolicy", "policyName", names)
    documents = {
        name: Document.from_live(response["policyDocument"])
        for name, response in zip(names, responses, strict=True)
        if response
    }
    return {
        identity: [documents[policy] for policy in policies if policy in documents]
        for identity, policies in attached.items()
    }


def _select_undeclared(scope: Scope, ids: Collection[str]) -> set[str]:
    """Return the IDs of the certificates that the file neither declares nor refers to.

    A re-read returns those that the previous read returned. An apply may delete such a certificate of a provisioned thing;
    any other one is only detached.
    """
    if scope.previous_states is None:
        return set(ids) - _find_declared_ids(scope)
    previous = [live for live in scope.previous_states.values() if live]
    return {identity for live in previous for identity in live.get_facts(ProvisionedThingFacts).holders}


def _was_deletable(identity: str, scope: Scope) -> bool:
    """Return whether the previous read, if there was one, found that only one thing has a certificate.

    Steps of the same plan may detach a certificate from its other things. The plan then does not delete it with this thing.
    """
    previous = (scope.previous_states or {}).values()
    return scope.previous_states is None or any(
        identity in live.get_facts(ProvisionedThingFacts).deletable_policies for live in previous if live
    )


def _find_declared_ids(scope: Scope) -> set[str]:
    """Return the IDs of the certificates that the file declares or that its things refer to."""
    certificates = (
        find_known_certificate(resource.spec) for resource in scope.iterate_resources("certificates")
    )
    declared_ids = {certificate.fingerprint for certificate in certificates if certificate}
    return declared_ids | select_external_names(
        certificate for thing in scope.iterate_resources("things") for certificate in thing.spec.certificates
    )


def _read_registrations(
    blueprints: Collection[Blueprint], certificates: Mapping[str, Response], scope: Scope
) -> Read[dict[str, Registration]]:
    """Return the registration of each certificate whose mode is not that of its CA in the file, by ID.

    Such a certificate must be registered again.
    """
    signers = {
        blueprint.certificate_id: x509.find_signer(
            blueprint.certificate, scope.iterate_resources("ca_certificates")
        )
        for blueprint in blueprints
        if blueprint.certificate
        and blueprint.certificate_id is not None
        and blueprint.certificate_id in certificates
    }
    outdated_ids = []
    for identity, signer in sorted(signers.items()):
        live_mode = certificates[identity].get("certificateMode", "DEFAULT")
        if _find_mode(signer, scope) not in {NOT_COMPARED, live_mode}:
            outdated_ids.append(identity)
    arns = select_arns(outdated_ids, certificates)
    things, policies = yield from merge_reads(read_things_of(arns), read_policies_of(arns))
    return {
        identity: Registration(certificates[identity]["status"], things[identity], policies[identity])
        for identity in outdated_ids
    }
