"""Build live provisioned things from the responses of their reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Response
from reconciler.kinds.shared.certificate_attachments import EXCLUSIVE_THING
from reconciler.kinds.shared.group_membership import build_protected_group_name, build_workspace_group_name
from reconciler.kinds.shared.provisioned_thing_spec import Provisioned, ProvisionedThingFacts, Registration
from reconciler.kinds.shared.provisioning_blueprint import Blueprint, to_external
from reconciler.kinds.shared.secret_attributes import hide_secrets
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, External, Live, extract_name_from_arn


@frozen
class LiveBuilder:
    """Builds live provisioned things from everything that was read.

    Mappings whose keys are names of static groups:

    - `members`: the names of the things in each group.

    Mappings whose keys are names of things:

    - `billing_groups`: the thing's billing group;
    - `things`: the thing as listed or described;
    - `owners`: the workspace that owns it, or None; only for things that are not in this workspace's group;
    - `principals`: its certificates, as items of ListThingPrincipalsV2.

    Mappings whose keys are certificate IDs:

    - `certificates`: the certificate as listed or described;
    - `documents`: the documents of its policies, if its template creates policies;
    - `things_by_certificate`: the things that have it, if the file neither declares nor refers to it;
    - `registrations`: its status, things and policies, if it must be registered again.

    Other mappings:

    - `policies`: the IDs of the certificates that each policy is attached to, by policy name;
    - `issued_ids`: the ID of the certificate that was issued for a provisioned thing but not saved, by address.
    """

    workspace: str
    members: Mapping[str, Collection[str]]
    billing_groups: Mapping[str, str]
    things: Mapping[str, Response]
    principals: Mapping[str, Sequence[Response]]
    certificates: Mapping[str, Response]
    policies: Mapping[str, Collection[str]]
    documents: Mapping[str, Sequence[Document]]
    things_by_certificate: Mapping[str, Sequence[str]]
    deletable_policies: Mapping[str, tuple[str, ...]]
    issued_ids: Mapping[str, str]
    owners: Mapping[str, str | None]
    registrations: Mapping[str, Registration]

    def build(self, blueprint: Blueprint) -> Live | None:
        """Return a live provisioned thing, or None if neither its thing nor its certificate exists."""
        thing = self.things.get(blueprint.name)
        own_id = blueprint.certificate_id or self.issued_ids.get(str(blueprint.address))
        registered_id = own_id if own_id in self.certificates else None
        if thing is None and registered_id is None:
            return None
        attached_ids = [
            extract_name_from_arn(item["principal"]) for item in self.principals.get(blueprint.name, ())
        ]
        other_ids = [
            identity
            for identity in attached_ids
            if identity != registered_id and identity in self.certificates
        ]
        spec = Provisioned(
            thing_name=blueprint.name if thing else None,
            other_certificates=tuple(External(identity) for identity in sorted(other_ids)),
            **self._build_thing_fields(blueprint, thing),
            **self._build_certificate_fields(blueprint, registered_id, attached_ids),
        )
        is_owned = blueprint.name in self.members.get(build_workspace_group_name(self.workspace), ())
        is_protected = blueprint.name in self.members.get(build_protected_group_name(self.workspace), ())
        return Live(
            identity=str(blueprint.address),
            spec=spec,
            version=thing["version"] if thing else None,
            owner=self.workspace if is_owned else self.owners.get(blueprint.name),
            declared_name=blueprint.address.name,
            prevent_destroy=is_protected,
            includes=frozenset(
                {blueprint.name, *attached_ids} | ({registered_id} if registered_id else set())
            ),
            facts=self._build_facts(blueprint, registered_id, attached_ids, other_ids),
        )

    def _build_facts(
        self,
        blueprint: Blueprint,
        registered_id: str | None,
        attached_ids: Sequence[str],
        other_ids: Sequence[str],
    ) -> ProvisionedThingFacts:
        holders = {
            identity: self.things_by_certificate[identity]
            for identity in other_ids
            if identity in self.things_by_certificate
        }
        active_ids = [identity for identity in other_ids if self.certificates[identity]["status"] == "ACTIVE"]
        return ProvisionedThingFacts(
            exclusive_arns=self._find_exclusive_arns(blueprint.name),
            registered_id=registered_id,
            is_attached=registered_id in attached_ids,
            holders=holders,
            # At most one holder: no thing but this one has the certificate.
            deletable_ids=frozenset(identity for identity, things in holders.items() if len(things) <= 1),
            deletable_policies={
                identity: self.deletable_policies[identity]
                for identity in holders
                if identity in self.deletable_policies
            },
            active_ids=frozenset(active_ids),
            previous_registration=self.registrations.get(registered_id or ""),
            unchangeable_fields=tuple(_find_unchangeable_fields(blueprint)),
        )

    def _find_exclusive_arns(self, thing: str) -> frozenset[str]:
        """Return the ARNs of the certificates that only this thing can have."""
        return frozenset(
            item["principal"]
            for item in self.principals.get(thing, ())
            if item.get("thingPrincipalType") == EXCLUSIVE_THING
        )

    def _build_thing_fields(self, blueprint: Blueprint, thing: Response | None) -> dict[str, Any]:
        """Return the fields of the thing.

        Fields that the template does not change on an existing thing are not compared.
        """
        overrides = blueprint.thing.overrides if thing else {}
        attributes = thing.get("attributes", {}) if thing else {}
        markers = {build_workspace_group_name(self.workspace), build_protected_group_name(self.workspace)}
        groups = [
            group for group, names in self.members.items() if blueprint.name in names and group not in markers
        ]
        if overrides.get("AttributePayload") == "MERGE":
            declared = blueprint.attributes
            attributes = {name: value for name, value in attributes.items() if name in declared}
        if overrides.get("ThingGroups") == "MERGE":
            groups = [group for group in groups if group in blueprint.groups]
        fields: dict[str, Any] = {
            # Where the template has a secret, the live value is a secret, too.
            "attributes": hide_secrets(attributes, blueprint.secret_attributes, blueprint.address),
            "thing_type": to_external(thing.get("thingTypeName")) if thing else None,
            "thing_groups": tuple(External(group) for group in sorted(groups)),
            "billing_group": to_external(self.billing_groups.get(blueprint.name)),
        }
        for setting, field in _FIELDS_BY_SETTING.items():
            if overrides.get(setting) == "DO_NOTHING":
                fields[field] = NOT_COMPARED
        return fields

    def _build_certificate_fields(
        self, blueprint: Blueprint, registered_id: str | None, attached_ids: Sequence[str]
    ) -> dict[str, Any]:
        """Return the fields of the template's certificate; `certificate` is None if it is not attached."""
        if registered_id is None:
            return {}
        certificate = self.certificates[registered_id]
        template_certificate = blueprint.evaluated.certificate
        keeps_status = (
            template_certificate is not None and template_certificate.overrides.get("Status") == "DO_NOTHING"
        )
        live_documents = self.documents.get(registered_id, ())
        return {
            "certificate": Pem(registered_id) if registered_id in attached_ids else None,
            "certificate_mode": certificate.get("certificateMode", "DEFAULT"),
            "certificate_status": NOT_COMPARED if keeps_status else certificate["status"],
            "policies": tuple(External(name) for name, ids in self.policies.items() if registered_id in ids),
            "policy_documents": tuple(
                document for document in blueprint.documents if document in live_documents
            ),
        }


# The field that each of a thing's OverrideSettings is about. AWS does not document what it does without a setting. Here a
# missing setting means REPLACE: fields are changed as those of other kinds are, and only on things that the workspace owns.
_FIELDS_BY_SETTING = {
    "AttributePayload": "attributes",
    "ThingTypeName": "thing_type",
    "ThingGroups": "thing_groups",
}


def _find_unchangeable_fields(blueprint: Blueprint) -> Iterator[str]:
    """Yield the fields whose change the template's OverrideSettings reject."""
    overrides = blueprint.thing.overrides
    yield from (field for setting, field in _FIELDS_BY_SETTING.items() if overrides.get(setting) == "FAIL")
    certificate = blueprint.evaluated.certificate
    if certificate and certificate.overrides.get("Status") == "FAIL":
        yield "certificate_status"
