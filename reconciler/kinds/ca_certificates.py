"""CA certificates: who may sign the devices' certificates.

Source: AWS IoT API reference, RegisterCACertificate and its neighbours; developer guide, "Manage your CA certificates".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import attrs
from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, request_each, select_wanted_or_owned
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNERSHIP_TAG_COUNT,
    check_room_for_tags,
    remove_ownership_tags,
    retag,
    tagged_live,
    to_tag_list,
    user_tags,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared import x509
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Deferred, Ref, Responses
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired, External, Live, Reference, Resource
from reconciler.model.secret import Secret

DERIVED_MEMBERS = {
    "RegisterCACertificate.setAsActive": "status",
    "RegisterCACertificate.verificationCertificate": "verification",
    "UpdateCACertificate.certificateId": "the fingerprint of pem",
    "UpdateCACertificate.newAutoRegistrationStatus": "auto_registration",
    "UpdateCACertificate.removeAutoRegistration": "registration_template, when the file no longer says one",
}

_INLINE = "a template has versions and a name of its own: declare it in provisioning_templates"

UNSUPPORTED_MEMBERS = {
    "RegisterCACertificate.registrationConfig.templateBody": _INLINE,
    "UpdateCACertificate.registrationConfig.templateBody": _INLINE,
}


@frozen
class CaVerification:
    """How the possession of the CA's private key is shown: the key itself, or a certificate made with it beforehand."""

    stored_name: ClassVar[str] = "verification"

    key: Secret | None = None
    certificate: Pem | None = None

    def __str__(self) -> str:
        return f"with the key from {self.key.reference}" if self.key else f"with {self.certificate}"


@frozen
class CaCertificate:
    """`[ca_certificates.*]`."""

    pem: Pem = member("The CA certificate.", api="RegisterCACertificate.caCertificate", on_change="replaces")
    certificate_mode: Literal["DEFAULT", "SNI_ONLY"] = member(
        "DEFAULT needs a verification; SNI_ONLY admits devices that send the endpoint's name.",
        api="RegisterCACertificate.certificateMode",
        on_change="replaces",
        default="DEFAULT",
    )
    verification: CaVerification | None = member(
        "What signs the registration code when the CA is registered.", on_change="create_only", default=None
    )
    status: Literal["ACTIVE", "INACTIVE"] = member(
        "Only an active CA lets device certificates be registered.",
        api="UpdateCACertificate.newStatus",
        default="ACTIVE",
    )
    auto_registration: bool = member(
        "Whether devices may register their certificates by connecting.",
        api="RegisterCACertificate.allowAutoRegistration",
        default=False,
    )
    tags: Mapping[str, str] = member("Tags.", api="RegisterCACertificate.tags", factory=dict)
    registration_template: Reference | None = member(
        "The JITP template by which devices with its certificates are provisioned when they connect.",
        api="RegisterCACertificate.registrationConfig.templateName",
        references="provisioning_templates",
        default=None,
    )
    registration_role_arn: str | None = member(
        "The role with which AWS provisions, instead of the template's own.",
        api="RegisterCACertificate.registrationConfig.roleArn",
        default=None,
    )


@frozen
class SignedCode(Deferred):
    """The verification certificate: AWS's registration code as its common name, signed by the CA's key."""

    ca: Pem
    key: Secret
    code: Ref

    def resolve(self, responses: Responses) -> str:
        """The PEM, made when it is needed: the code is known only by then, and the key is read no earlier."""
        assert self.ca.text
        return x509.sign_registration_code(self.ca.text, self.key.reveal(), self.code.resolve(responses))

    def __str__(self) -> str:
        return f"(made at apply: the registration code, signed with the key from {self.key.reference})"


class CaCertificates(Kind):
    """CA certificates: found by the SHA-256 of their DER, owned by tag."""

    table = "ca_certificates"
    noun = "CA certificate"
    spec_class = CaCertificate
    operations = Operations(
        read=("ListCACertificates", "ListTagsForResource", "DescribeCACertificate"),
        create=("GetRegistrationCode", "RegisterCACertificate"),
        update=("UpdateCACertificate", "UntagResource", "TagResource"),
        replace=(
            "GetRegistrationCode",
            "RegisterCACertificate",
            "UpdateCACertificate",
            "DeleteCACertificate",
        ),
        delete=("UpdateCACertificate", "DeleteCACertificate"),
        forget=("UntagResource", "TagResource"),
    )
    listing = Listing("ListCACertificates", "certificates", "certificateId", "certificateArn")
    write_operations = ("RegisterCACertificate", "UpdateCACertificate")
    derived_members = DERIVED_MEMBERS
    unsupported_members = UNSUPPORTED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Is it a CA, in date, and does the verification fit?"""
        spec: CaCertificate = resource.spec
        yield from x509.check_certificate(spec.pem, "pem", ca=True)
        yield from check_room_for_tags("tags", spec.tags, OWNERSHIP_TAG_COUNT)
        yield from _check_registration(spec, desired)
        given = spec.verification
        if spec.certificate_mode == "SNI_ONLY":
            if given:
                yield ValueProblem(
                    "conflicting-fields",
                    "an SNI_ONLY CA takes no verification",
                    "no verification",
                    path=("verification",),
                )
            return
        if given is None or (given.key is None) == (given.certificate is None):
            what = "either verification.key or verification.certificate, to show that the CA's key is yours"
            yield ValueProblem(
                "missing-verification",
                "a DEFAULT CA needs exactly one verification",
                what,
                path=("verification",),
            )
        elif given.key and given.key.value is not None and not x509.is_key_of(spec.pem, given.key.value):
            yield ValueProblem(
                "key-mismatch",
                f"the key from {given.key.reference} does not match the certificate",
                "the CA's own private key, as unencrypted PEM",
                path=("verification", "key"),
            )
        elif given.certificate and not x509.is_signed_by(given.certificate, spec.pem):
            what = "a certificate that the CA signed"
            yield ValueProblem(
                "unsigned-certificate",
                "this CA did not sign the verification certificate",
                what,
                path=("verification", "certificate"),
            )

    def identity(self, resource: Resource) -> str:
        """The SHA-256 of the DER. AWS documents it for device certificates; for CAs it is as good as known."""
        return str(resource.spec.pem.fingerprint)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Registering needs the key; a CA that is registered already does not."""
        if not isinstance(change, Create | Replace):
            return
        given: CaVerification | None = change.resource.spec.verification
        if given and given.key and given.key.value is None:
            yield f"its verification.key from {given.key.reference} is not set"

    def to_desired_spec(self, spec: CaCertificate, desired: Desired) -> CaCertificate:
        """A CA in DEFAULT mode has to be shown to be ours, whenever it is registered anew."""
        key = CaVerification(key=Secret("its private key"))
        return attrs.evolve(spec, verification=key) if spec.certificate_mode == "DEFAULT" else spec

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All CAs of the account in pages, the tags of each, and the details of those that matter."""
        arns = yield from list_arns(self, scope)
        wanted = {self.identity(resource) for resource in scope.resources_of(self.table)}
        matter = yield from select_wanted_or_owned(scope, wanted, arns)
        details = yield from request_each("DescribeCACertificate", "certificateId", matter)
        return [_live(detail, tags) for tags, detail in zip(matter.values(), details, strict=True) if detail]

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Registered, active at once where that is wanted."""
        return [*self._register(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Status, auto-registration and template in one call, tags in their own.

        AWS has one way to forget a template, which ends auto-registration too: that is said first, and the rest anew.
        """
        spec: CaCertificate = change.resource.spec
        known = {"certificateId": change.live.identity}
        params: dict[str, Any] = {}
        calls = []
        if change.has_changed("status"):
            params["newStatus"] = spec.status
        if change.has_changed("auto_registration"):
            params["newAutoRegistrationStatus"] = "ENABLE" if spec.auto_registration else "DISABLE"
        if change.has_changed("registration_template") or change.has_changed("registration_role_arn"):
            config = _registration(spec, context)
            if config:
                params["registrationConfig"] = config
            if change.live.spec.registration_template and (
                not config or len(config) < len(_said(change.live.spec))
            ):
                calls.append(ApiCall("iot", "UpdateCACertificate", {**known, "removeAutoRegistration": True}))
                params["newAutoRegistrationStatus"] = "ENABLE" if spec.auto_registration else "DISABLE"
        if params:
            calls.append(ApiCall("iot", "UpdateCACertificate", {**known, **params}))
        after = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, after)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """The new one before the old one goes; a change of mode keeps the id, so there the old one goes first."""
        new, old = [*self._register(change.resource, context)], [*_retire(change.live)]
        return [*old, *new] if self.identity(change.resource) == change.live.identity else [*new, *old]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Inactive first: AWS refuses to delete an active CA."""
        return [*_retire(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags("iot", change.live)]

    def _register(self, resource: Resource, context: PlanContext) -> Iterator[ApiCall]:
        spec: CaCertificate = resource.spec
        params: dict[str, Any] = {
            "caCertificate": spec.pem.text,
            "setAsActive": spec.status == "ACTIVE",
            "allowAutoRegistration": spec.auto_registration,
            "certificateMode": spec.certificate_mode,
            "tags": to_tag_list(with_ownership_tags(resource, context.workspace)),
        }
        if config := _registration(spec, context):
            params["registrationConfig"] = config
        if spec.verification and spec.verification.certificate:
            params["verificationCertificate"] = spec.verification.certificate.text
        elif spec.verification and spec.verification.key:
            yield ApiCall("iot", "GetRegistrationCode")
            code = Ref(resource.address, "registrationCode")
            params["verificationCertificate"] = SignedCode(spec.pem, spec.verification.key, code)
        question = ApiCall("iot", "DescribeCACertificate", {"certificateId": spec.pem.fingerprint})
        proof = FieldsMatch(question, {"certificateMode": "certificateDescription.certificateMode"})
        yield ApiCall("iot", "RegisterCACertificate", params, verification=proof)


def _check_registration(spec: CaCertificate, desired: Desired) -> Iterator[ValueProblem]:
    """Is the template one for devices that connect for the first time?"""
    if spec.registration_role_arn and not spec.registration_template:
        yield ValueProblem(
            "missing-field",
            "a role without a template",
            "a registration_template",
            path=("registration_role_arn",),
        )
    if isinstance(spec.registration_template, str):
        template = desired.get(Address("provisioning_templates", spec.registration_template))
        if template and template.spec.type != "JITP":
            yield ValueProblem(
                "wrong-template-type",
                f"{template.address} is of type {template.spec.type}",
                "type JITP",
                path=("registration_template",),
            )


def _said(spec: CaCertificate) -> list[str]:
    return [name for name in ("registration_template", "registration_role_arn") if getattr(spec, name)]


def _registration(spec: CaCertificate, context: PlanContext) -> dict[str, Any]:
    if spec.registration_template is None:
        return {}
    config = {"templateName": context.resolve_identity("provisioning_templates", spec.registration_template)}
    return {**config, "roleArn": spec.registration_role_arn} if spec.registration_role_arn else config


def _live(answer: Mapping[str, Any], tags: Mapping[str, str]) -> Live:
    description, config = answer["certificateDescription"], answer.get("registrationConfig") or {}
    template = config.get("templateName")
    spec = CaCertificate(
        pem=Pem(description["certificateId"], description.get("certificatePem")),
        certificate_mode=description.get("certificateMode", "DEFAULT"),
        status=description["status"],
        auto_registration=description.get("autoRegistrationStatus") == "ENABLE",
        tags=user_tags(tags),
        registration_template=External(template) if template else None,
        registration_role_arn=config.get("roleArn"),
    )
    identity, arn = description["certificateId"], description["certificateArn"]
    return tagged_live(identity, spec, tags, arn, declared_name=tags.get(NAME_TAG))


def _retire(live: Live) -> Iterator[ApiCall]:
    if live.spec.status == "ACTIVE":
        yield ApiCall("iot", "UpdateCACertificate", {"certificateId": live.identity, "newStatus": "INACTIVE"})
    yield ApiCall("iot", "DeleteCACertificate", {"certificateId": live.identity}, ignored_errors=NOT_FOUND)


KIND = CaCertificates()
