"""Provisioning profiles: how hubs introduce themselves to managed integrations, with a claim or through their CA.

Source: managed integrations API reference, CreateProvisioningProfile and its neighbours. AWS assigns the id, a profile cannot
be changed, its CA certificate is never given back, and the private key of a claim that AWS makes is told once: it goes to
the file that is named for it, and a tag says when it is there. A profile whose key was lost with the run that was told it
is of no use to anybody, and is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs
from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Operations
from reconciler.kinds.base.reads import NOT_FOUND, pair_by_name_tag
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNER_TAG,
    OWNERSHIP_TAG_COUNT,
    TAG_PREFIX,
    check_room_for_tags,
    remove_ownership_tags,
    retag,
    tagged_live,
    user_tags,
    with_ownership_tags,
)
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.managed_integrations import SERVICE, sha256_hex
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, Desired, Live, NotCompared, Resource

DERIVED_MEMBERS = {
    "CreateProvisioningProfile.ClientToken": "made of the request, so that sending it twice makes one profile"
}

_SAVED = {"claim-key": "saved"}
_GOING = "DELETE_IN_PROGRESS"


@frozen
class ProvisioningProfile:
    """`[provisioning_profiles.*]`."""

    provisioning_type: Literal["FLEET_PROVISIONING", "JITR"] = member(
        "With a claim certificate, or through the CA of the hubs' own certificates.",
        api="CreateProvisioningProfile.ProvisioningType",
        on_change="replaces",
    )
    name: str | None = member(
        "The name in managed integrations; by default the one in this file.",
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
        "The certificate that all hubs share until they have their own; AWS makes one where none is given.",
        api="CreateProvisioningProfile.ClaimCertificate",
        on_change="replaces",
        default=None,
    )
    save_claim_key_to: OutputFile | NotCompared | None = member(
        "The new file for the private key of the claim that AWS makes, which it tells once; never overwritten.",
        default=None,
    )
    save_claim_certificate_to: OutputFile | None = member(
        "The new file for the claim certificate that AWS makes; never overwritten.",
        on_change="create_only",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateProvisioningProfile.Tags", factory=dict)


@frozen
class ProvisioningProfileFacts:
    """What else is read of a provisioning profile: its claim certificate, if it has one."""

    claim: Pem | None


class ProvisioningProfiles(Kind):
    """Provisioning profiles: found by the tag that names them, owned by tag."""

    table = "provisioning_profiles"
    noun = "provisioning profile"
    service = SERVICE
    spec_class = ProvisioningProfile
    id_member = "Id"
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
        """Each type has its own certificate, and a key that is told once has somewhere to go."""
        spec: ProvisioningProfile = resource.spec
        yield from check_room_for_tags("tags", spec.tags, OWNERSHIP_TAG_COUNT + 2)
        jitr, claim = spec.provisioning_type == "JITR", spec.claim_certificate
        if isinstance(spec.ca_certificate, Pem):
            yield from x509.check_certificate(spec.ca_certificate, "ca_certificate", ca=True)
        if isinstance(claim, Pem):
            yield from x509.check_certificate(claim, "claim_certificate", ca=False)
        if jitr != (spec.ca_certificate is not None):
            yield ValueProblem(
                "conflicting-fields",
                "a CA certificate is for JITR, and needed there",
                "the one with the other",
                path=("ca_certificate",),
            )
        if jitr and claim:
            yield ValueProblem(
                "conflicting-fields",
                "JITR has no claim",
                "type FLEET_PROVISIONING",
                path=("claim_certificate",),
            )
        if not (jitr or claim or spec.save_claim_key_to):
            what = "AWS tells the private key of the claim that it makes once, and it has nowhere to go"
            yield ValueProblem(
                "missing-field",
                what,
                "the path of a new file, or a claim_certificate",
                path=("save_claim_key_to",),
            )
        for field in ("save_claim_key_to", "save_claim_certificate_to"):
            if getattr(spec, field) and (jitr or claim):
                yield ValueProblem(
                    "conflicting-fields",
                    "there is nothing to save where AWS makes no claim",
                    "neither ca nor claim",
                    path=(field,),
                )

    def effective(self, resource: Resource, scope: Scope) -> ProvisioningProfile:
        """Name filled in; a claim that AWS makes is whatever it is."""
        spec: ProvisioningProfile = resource.spec
        made = spec.provisioning_type != "JITR" and spec.claim_certificate is None
        return attrs.evolve(
            spec,
            name=spec.name or resource.address.name,
            claim_certificate=NOT_COMPARED if made else spec.claim_certificate,
        )

    def identity(self, resource: Resource) -> str | None:
        """Only AWS can assign it."""
        return None

    def forces_replacement(self, name: str, after: Any) -> bool:
        """A key that was told and is not in its file is lost."""
        if name == "save_claim_key_to":
            return isinstance(after, OutputFile) and after.content is None
        return super().forces_replacement(name, after)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """No file is overwritten, and one that is there already is the key's own."""
        if isinstance(change, Delete | Forget):
            return
        spec: ProvisioningProfile = change.resource.spec
        if isinstance(change, Update):
            key = spec.save_claim_key_to
            if (
                change.has_changed("save_claim_key_to")
                and isinstance(key, OutputFile)
                and key.content is not None
            ):
                claim = change.live.facts_as(ProvisioningProfileFacts).claim
                if not (claim and x509.is_key_of(claim, key.content)):
                    yield f"{key} is there already, and is not the key of its claim certificate"
            return
        for output in (spec.save_claim_key_to, spec.save_claim_certificate_to):
            if isinstance(output, OutputFile) and output.content is not None:
                yield f"{output} is there already, and no file is overwritten; name a new one"

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All of the account in pages, and one question for each: the list tells neither tags nor claims."""
        if scope.previous_states is None:
            (listed,) = yield [ApiCall(SERVICE, "ListProvisioningProfiles")]
            ids = [item["Id"] for item in listed["Items"] if item.get("Status") != _GOING]
        else:
            ids = sorted(scope.previous_states)
        answers = yield [
            ApiCall(SERVICE, "GetProvisioningProfile", {"Identifier": name}, ignored_errors=NOT_FOUND)
            for name in ids
        ]
        return [
            _live(answer)
            for answer in answers
            if answer.get("Tags", {}).get(OWNER_TAG) == scope.workspace and answer.get("Status") != _GOING
        ]

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """By the tag. A run that died within a replacement leaves two of a name: then the one that is as wanted."""
        return pair_by_name_tag(self, missing, spare, scope)

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, with a token that makes the same request the same profile; then word that the key is safe."""
        return [*_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Only the tags can be changed; one of them says that the key is where it belongs."""
        had = change.live.tags
        kept = had.get(f"{TAG_PREFIX}claim-key") or change.has_changed("save_claim_key_to")
        after = _tags(change.resource, context, saved=bool(kept and _makes_claim(change.resource.spec)))
        return [*retag(SERVICE, change.live.arn, had, after)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """A new one first, then the old one goes."""
        return [*_create(change.resource, context, replaces=change.live.identity), *_delete(change.live)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Done is when it is gone."""
        return [*_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags(SERVICE, change.live)]


def _makes_claim(spec: ProvisioningProfile) -> bool:
    return isinstance(spec.save_claim_key_to, OutputFile)


def _tags(resource: Resource, context: PlanContext, *, saved: bool) -> dict[str, Any]:
    spec: ProvisioningProfile = resource.spec
    more = {"ca": spec.ca_certificate.fingerprint} if spec.ca_certificate else {}
    return with_ownership_tags(resource, context.workspace, **more, **(_SAVED if saved else {}))


def _create(resource: Resource, context: PlanContext, *, replaces: str = "") -> Iterator[ApiCall]:
    spec: ProvisioningProfile = resource.spec
    params: dict[str, Any] = {
        "ProvisioningType": spec.provisioning_type,
        "Name": spec.name or resource.address.name,
        "Tags": _tags(resource, context, saved=False),
    }
    if spec.ca_certificate:
        params["CaCertificate"] = spec.ca_certificate.text
    if isinstance(spec.claim_certificate, Pem):
        params["ClaimCertificate"] = spec.claim_certificate.text
    request = json.dumps([context.workspace, replaces, params], sort_keys=True)
    params["ClientToken"] = sha256_hex(request)
    saves = []
    if isinstance(spec.save_claim_key_to, OutputFile):
        saves.append(SavedMember("ClaimCertificatePrivateKey", spec.save_claim_key_to, secret=True))
    if spec.save_claim_certificate_to:
        saves.append(SavedMember("ClaimCertificate", spec.save_claim_certificate_to))
    yield ApiCall(SERVICE, "CreateProvisioningProfile", params, output_files=tuple(saves), idempotent=True)
    if _makes_claim(spec):
        tags = {TAG_PREFIX + key: value for key, value in _SAVED.items()}
        params = {"ResourceArn": Ref(resource.address, "Arn"), "Tags": tags}
        yield ApiCall(SERVICE, "TagResource", params, idempotent=True)


def _delete(live: Live) -> Iterator[ApiCall]:
    params = {"Identifier": live.identity}
    yield ApiCall(SERVICE, "DeleteProvisioningProfile", params, ignored_errors=NOT_FOUND)
    yield ApiCall(SERVICE, "GetProvisioningProfile", params, repeat_until=NOT_FOUND)


def _live(answer: Mapping[str, Any]) -> Live:
    tags, claim = answer.get("Tags", {}), answer.get("ClaimCertificate")
    ca, saved = tags.get(f"{TAG_PREFIX}ca"), f"{TAG_PREFIX}claim-key" in tags
    spec = ProvisioningProfile(
        provisioning_type=answer["ProvisioningType"],
        name=answer.get("Name"),
        ca_certificate=Pem(ca) if ca else None,
        claim_certificate=Pem.parse(claim) if claim else None,
        save_claim_key_to=NOT_COMPARED if saved else None,
        tags=user_tags(tags),
    )
    facts = ProvisioningProfileFacts(Pem.parse(claim) if claim else None)
    name = tags.get(NAME_TAG)
    return tagged_live(answer["Id"], spec, tags, answer["Arn"], declared_name=name, facts=facts)


KIND = ProvisioningProfiles()
