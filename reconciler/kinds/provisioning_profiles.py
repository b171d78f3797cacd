"""Provisioning profiles: how hubs join managed integrations.

Hubs join with a claim certificate that they all share, or with certificates of their own, whose CA the profile names.

Source: managed integrations API reference, CreateProvisioningProfile and related operations. AWS assigns the ID,
cannot change a profile, and never returns its CA certificate. If AWS generates the claim certificate, it returns the private
key only in the response to the creation. The key is written to the file that `save_claim_key_to` names, and a tag records that
it is saved. A profile whose key was lost with the run that received it is useless, and is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.client_tokens import build_client_token
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description
from reconciler.kinds.base.reads import NOT_FOUND, pair_by_name_tag
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNER_TAG,
    OWNERSHIP_TAG_COUNT,
    TAG_PREFIX,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_tags,
    with_ownership_tags,
)
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.managed_integrations import SERVICE, with_default_name
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, Desired, Live, NotCompared, Resource

DERIVED_MEMBERS = {
    "CreateProvisioningProfile.ClientToken": "a hash of the request, so that sending it twice creates one profile"
}

_KEY_SAVED_TAG = {"claim-key": "saved"}
"""The tag, without its prefix, that records that the claim's private key is in its file."""

_TAG_COUNT = OWNERSHIP_TAG_COUNT + 2
"""The number of ownership tags: the common ones, the CA's fingerprint, and whether the claim's key is saved."""

_BEING_DELETED = "DELETE_IN_PROGRESS"


@frozen
class ProvisioningProfile:
    """`[provisioning_profiles.*]`."""

    provisioning_type: Literal["FLEET_PROVISIONING", "JITR"] = member(
        "FLEET_PROVISIONING with a claim certificate, or JITR through the CA of the hubs' own certificates.",
        api="CreateProvisioningProfile.ProvisioningType",
        on_change="replaces",
    )
    name: str | None = member(
        "The name in managed integrations (default: the name in this file).",
        api="CreateProvisioningProfile.Name",
        on_change="replaces",
        default=None,
    )
    ca_certificate: Pem | None = member(
        "The CA of the hubs' certificates, for JITR.",
        api="CreateProvisioningProfile.CaCertificate",
        on_change="replaces",
        default=None,
    )
    claim_certificate: Pem | NotCompared | None = member(
        "The certificate that all hubs share until they have their own (default: AWS generates one).",
        api="CreateProvisioningProfile.ClaimCertificate",
        on_change="replaces",
        default=None,
    )
    save_claim_key_to: OutputFile | NotCompared | None = member(
        "The new file for the private key of the claim that AWS generates; AWS returns it once. Never overwritten.",
        default=None,
    )
    save_claim_certificate_to: OutputFile | None = member(
        "The new file for the claim certificate that AWS generates; never overwritten.",
        on_change="create_only",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateProvisioningProfile.Tags", factory=dict)


@frozen
class ProvisioningProfileFacts:
    """The facts of a provisioning profile: its claim certificate, if it has one."""

    claim: Pem | None


class ProvisioningProfiles(Kind):
    """Provisioning profiles: found by name tag, owned by tag."""

    table = "provisioning_profiles"
    noun = "provisioning profile"
    service = SERVICE
    spec_class = ProvisioningProfile
    id_member = "Id"
    description = Description("GetProvisioningProfile", "Identifier")
    operations = Operations(
        read=("ListProvisioningProfiles", "GetProvisioningProfile"),
        create=("CreateProvisioningProfile", "TagResource"),
        update=("UntagResource", "TagResource"),
        replace=(
            "CreateProvisioningProfile",
            "TagResource",
            "DeleteProvisioningProfile",
            "GetProvisioningProfile",
        ),
        delete=("DeleteProvisioningProfile", "GetProvisioningProfile"),
        forget=("UntagResource", "TagResource"),
    )
    write_operations = ("CreateProvisioningProfile",)
    derived_members = DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the number of tags, the certificates, and the combination of fields."""
        spec: ProvisioningProfile = resource.spec
        yield from check_room_for_added_entries("tags", spec.tags, _TAG_COUNT)
        if isinstance(spec.ca_certificate, Pem):
            yield from x509.check_certificate(spec.ca_certificate, "ca_certificate", ca=True)
        if isinstance(spec.claim_certificate, Pem):
            yield from x509.check_certificate(spec.claim_certificate, "claim_certificate", ca=False)
        yield from _check_combination(spec)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> ProvisioningProfile:
        """Return the spec with the default name; a claim that AWS generates is not compared."""
        spec: ProvisioningProfile = with_default_name(resource)
        aws_generates_claim = spec.provisioning_type != "JITR" and spec.claim_certificate is None
        return attrs.evolve(
            spec,
            claim_certificate=NOT_COMPARED if aws_generates_claim else spec.claim_certificate,
        )

    def identity(self, resource: Resource) -> str | None:
        """Return None: AWS assigns the ID."""
        return None

    def forces_replacement(self, name: str, after: Any) -> bool:
        """Return whether the field needs a replacement.

        `save_claim_key_to` differs only if no tag records that the key is saved. If the file for the key does not exist
        either, the key is lost.
        """
        if name == "save_claim_key_to":
            return isinstance(after, OutputFile) and after.content is None
        return super().forces_replacement(name, after)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject output files that a creation would overwrite; in an update, a file with another key."""
        if isinstance(change, Delete | Forget):
            return
        spec: ProvisioningProfile = change.resource.spec
        if isinstance(change, Update):
            if change.has_changed("save_claim_key_to"):
                yield from _check_existing_key(change)
            return
        for output in (spec.save_claim_key_to, spec.save_claim_certificate_to):
            if isinstance(output, OutputFile) and output.content is not None:
                yield f"{output} already exists and would be overwritten; choose the path of a new file"

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all profiles and get each of them, as the listing has neither tags nor claims."""
        if scope.previous_states is None:
            (listing,) = yield [ApiCall(SERVICE, "ListProvisioningProfiles")]
            ids = [item["Id"] for item in listing["Items"] if item.get("Status") != _BEING_DELETED]
        else:
            ids = sorted(scope.previous_states)
        profiles = yield [
            ApiCall(SERVICE, "GetProvisioningProfile", {"Identifier": identity}, ignored_errors=NOT_FOUND)
            for identity in ids
        ]
        return [
            _to_live(profile)
            for profile in profiles
            if profile.get("Tags", {}).get(OWNER_TAG) == scope.workspace
            and profile.get("Status") != _BEING_DELETED
        ]

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """Pair by name tag; an interrupted replacement leaves two profiles with the same name."""
        return pair_by_name_tag(self, missing, spare, scope)

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the profile with a token that lets AWS recognize the same request; then tag its key as saved."""
        return [*_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update the tags, one of which records that the key is saved; AWS changes nothing else of a profile."""
        live_tags = change.live.tags
        # The field differs if the tag that marks the key as saved is missing; `plan_errors` has checked that the file contains the key.
        is_key_in_file = live_tags.get(f"{TAG_PREFIX}claim-key") or change.has_changed("save_claim_key_to")
        is_key_saved = bool(is_key_in_file and _saves_claim_key(change.resource.spec))
        desired_tags = _build_tags(change.resource, context, is_key_saved=is_key_saved)
        return [*retag(SERVICE, change.live.arn, live_tags, desired_tags)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Create the new profile before deleting the old one."""
        return [*_create(change.resource, context, replaced_id=change.live.identity), *_delete(change.live)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the profile, and wait until AWS no longer has it."""
        return [*_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags(SERVICE, change.live)]


def _check_combination(spec: ProvisioningProfile) -> Iterator[ValueProblem]:
    """Return problems with fields that exclude or need each other."""
    is_jitr, claim = spec.provisioning_type == "JITR", spec.claim_certificate
    if is_jitr and spec.ca_certificate is None:
        yield ValueProblem(
            "conflicting-fields", "JITR needs the hubs' CA", "a CA certificate", path=("ca_certificate",)
        )
    if not is_jitr and spec.ca_certificate is not None:
        yield ValueProblem(
            "conflicting-fields",
            "FLEET_PROVISIONING does not use a CA certificate",
            "no ca_certificate, or the type JITR",
            path=("ca_certificate",),
        )
    if is_jitr and claim:
        yield ValueProblem(
            "conflicting-fields",
            "JITR does not use a claim certificate",
            "no claim_certificate, or the type FLEET_PROVISIONING",
            path=("claim_certificate",),
        )
    if not (is_jitr or claim or spec.save_claim_key_to):
        yield ValueProblem(
            "missing-field",
            "AWS generates the claim and returns its private key only once, and the key would not be saved",
            "the path of a new file, or a claim_certificate",
            path=("save_claim_key_to",),
        )
    for field in ("save_claim_key_to", "save_claim_certificate_to"):
        if getattr(spec, field) and (is_jitr or claim):
            yield ValueProblem(
                "conflicting-fields",
                "AWS generates no claim to save for JITR, or where the file has a claim_certificate",
                f"no {field}",
                path=(field,),
            )


def _check_existing_key(change: Update) -> Iterator[str]:
    key_file = change.resource.spec.save_claim_key_to
    claim = change.live.get_facts(ProvisioningProfileFacts).claim
    if not isinstance(key_file, OutputFile) or key_file.content is None:
        return
    if not (claim and x509.is_key_of(claim, key_file.content)):
        yield (
            f"{key_file} already exists and does not contain the key of the profile's claim certificate; "
            "choose the path of a new file"
        )


def _saves_claim_key(spec: ProvisioningProfile) -> bool:
    return isinstance(spec.save_claim_key_to, OutputFile)


def _build_tags(resource: Resource, context: PlanContext, *, is_key_saved: bool) -> dict[str, Any]:
    spec: ProvisioningProfile = resource.spec
    ca_tag = {"ca": spec.ca_certificate.fingerprint} if spec.ca_certificate else {}
    return with_ownership_tags(
        resource, context.workspace, **ca_tag, **(_KEY_SAVED_TAG if is_key_saved else {})
    )


def _create(resource: Resource, context: PlanContext, *, replaced_id: str = "") -> Iterator[ApiCall]:
    spec: ProvisioningProfile = resource.spec
    params: dict[str, Any] = {
        "ProvisioningType": spec.provisioning_type,
        "Name": spec.name or resource.address.name,
        "Tags": _build_tags(resource, context, is_key_saved=False),
    }
    if spec.ca_certificate:
        params["CaCertificate"] = spec.ca_certificate.text
    if isinstance(spec.claim_certificate, Pem):
        params["ClaimCertificate"] = spec.claim_certificate.text
    params["ClientToken"] = build_client_token(context.workspace, replaced_id, params)
    output_files = []
    if isinstance(spec.save_claim_key_to, OutputFile):
        output_files.append(SavedMember("ClaimCertificatePrivateKey", spec.save_claim_key_to, secret=True))
    if spec.save_claim_certificate_to:
        output_files.append(SavedMember("ClaimCertificate", spec.save_claim_certificate_to))
    yield ApiCall(
        SERVICE, "CreateProvisioningProfile", params, output_files=tuple(output_files), idempotent=True
    )
    if _saves_claim_key(spec):
        tags = {TAG_PREFIX + key: value for key, value in _KEY_SAVED_TAG.items()}
        params = {"ResourceArn": Ref(resource.address, "Arn"), "Tags": tags}
        yield ApiCall(SERVICE, "TagResource", params, idempotent=True)


def _delete(live: Live) -> Iterator[ApiCall]:
    params = {"Identifier": live.identity}
    yield ApiCall(SERVICE, "DeleteProvisioningProfile", params, ignored_errors=NOT_FOUND)
    yield ApiCall(SERVICE, "GetProvisioningProfile", params, repeat_until=NOT_FOUND)


def _to_live(profile: Response) -> Live:
    tags = profile.get("Tags", {})
    ca_fingerprint = tags.get(f"{TAG_PREFIX}ca")
    claim = Pem.parse(profile["ClaimCertificate"]) if profile.get("ClaimCertificate") else None
    is_key_saved = f"{TAG_PREFIX}claim-key" in tags
    spec = ProvisioningProfile(
        provisioning_type=profile["ProvisioningType"],
        name=profile.get("Name"),
        ca_certificate=Pem(ca_fingerprint) if ca_fingerprint else None,
        claim_certificate=claim,
        # None differs from the path in the file: no tag records that the key is saved.
        save_claim_key_to=NOT_COMPARED if is_key_saved else None,
        tags=select_user_tags(tags),
    )
    facts = ProvisioningProfileFacts(claim)
    name = tags.get(NAME_TAG)
    return build_tagged_live(profile["Id"], spec, tags, profile["Arn"], declared_name=name, facts=facts)


KIND = ProvisioningProfiles()
