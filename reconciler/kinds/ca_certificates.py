"""CA certificates: the CAs whose device certificates can be registered.

Source: AWS IoT API reference, RegisterCACertificate and related operations; developer guide, "Manage your CA certificates".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from reconciler.kinds.base.aws_limits import CAS_WITH_ONE_SUBJECT
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import CheckedNeed, Description, Need, ProblemRead
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, read_tags_of_desired_or_owned, request_each
from reconciler.kinds.base.tags import (
    NAME_TAG,
    OWNERSHIP_TAG_COUNT,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_tags,
    to_tag_list,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.account_limits import find_subject_needs
from reconciler.kinds.shared.ca_certificate_spec import (
    CaCertificate,
    CaCertificateFacts,
    CaVerification,
    SignedCode,
)
from reconciler.kinds.shared.ca_templates import find_kept_type_errors
from reconciler.kinds.shared.certificate_status import find_activation_errors, warn_of_activation
from reconciler.kinds.shared.provisioning_template_checks import check_stored_template
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired, External, Live, Resource
from reconciler.model.secret import Secret
from reconciler.model.text import quote

__all__ = ["KIND", "CaCertificate", "CaCertificates", "CaVerification", "SignedCode"]

DERIVED_MEMBERS = {
    "RegisterCACertificate.setAsActive": "status",
    "RegisterCACertificate.verificationCertificate": "verification",
    "UpdateCACertificate.certificateId": "the fingerprint of pem",
    "UpdateCACertificate.newAutoRegistrationStatus": "auto_registration",
    "UpdateCACertificate.removeAutoRegistration": "true when the file no longer sets the template or its role",
}


class CaCertificates(Kind):
    """CA certificates: found by the SHA-256 of their DER, owned by tag."""

    table = "ca_certificates"
    noun = "CA certificate"
    arn_type = "cacert"
    spec_class = CaCertificate
    operations = Operations(
        read=("ListCACertificates", "ListTagsForResource", "DescribeCACertificate", "GetRegistrationCode"),
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
    description = Description("DescribeCACertificate", "certificateId")
    write_operations = ("RegisterCACertificate", "UpdateCACertificate")
    derived_members = DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Check the certificate, the tags, the registration template, its role and the verification."""
        spec: CaCertificate = resource.spec
        yield from x509.check_certificate(spec.pem, "pem", ca=True)
        yield from check_room_for_added_entries("tags", spec.tags, OWNERSHIP_TAG_COUNT)
        yield from check_role_arn("registration_role_arn", spec.registration_role_arn)
        yield from _check_registration(spec, desired)
        yield from _check_verification(spec)

    def check_together(self, desired: Desired) -> Iterable[tuple[Address, ValueProblem]]:
        """Return a problem, for the last one, if too many CAs of the file have the same subject."""
        addresses: dict[str | None, list[Address]] = {}
        for address, resource in desired.items():
            if address.kind == self.table:
                addresses.setdefault(x509.read_subject(resource.spec.pem), []).append(address)
        addresses.pop(None, None)
        for same_subject in addresses.values():
            for problem in CAS_WITH_ONE_SUBJECT.check(len(same_subject), ("pem",)):
                yield max(same_subject), problem

    def identity(self, resource: Resource) -> str:
        """Return the SHA-256 of the DER.

        AWS documents this ID for device certificates. UNCONFIRMED: whether it is the same for CAs.
        """
        return str(resource.spec.pem.fingerprint)

    def drop_meaningless_values(self, spec: CaCertificate) -> CaCertificate:
        """Return the spec without a role if it has no template."""
        if spec.registration_template is None and spec.registration_role_arn is not None:
            return attrs.evolve(spec, registration_role_arn=None)
        return spec

    def to_desired_spec(self, spec: CaCertificate, desired: Desired) -> CaCertificate:
        """Return the spec; in DEFAULT mode with a placeholder for the verification that a registration needs."""
        if spec.certificate_mode != "DEFAULT":
            return spec
        placeholder = Secret("its private key")  # an export cannot know the key
        return attrs.evolve(spec, verification=CaVerification(key=placeholder))

    def find_undeclarable_parts(self, live: Live) -> Mapping[str, str]:
        """Return the role of a registration config that has no template."""
        role = live.get_facts(CaCertificateFacts).unused_role_arn
        if role is None:
            return {}
        return {"registrationConfig.roleArn": f"{role} has no effect without a template"}

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all CAs, read the tags of each, and describe those that are desired or owned."""
        arns = yield from list_arns(self, scope)
        desired_ids = {self.identity(resource) for resource in scope.iterate_resources(self.table)}
        tags_by_id = yield from read_tags_of_desired_or_owned(scope, desired_ids, arns)
        responses = yield from request_each("DescribeCACertificate", "certificateId", tags_by_id)
        return [
            _to_live(response, tags)
            for tags, response in zip(tags_by_id.values(), responses, strict=True)
            if response
        ]

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the references, the limit on CAs of one subject, and a verification's registration code."""
        yield from super().outside_needs(change, context)
        yield from find_subject_needs(change, context)
        verification = change.resource.spec.verification if isinstance(change, Create | Replace) else None
        if verification and verification.certificate:
            yield _build_code_need(verification.certificate)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject an ACTIVE CA that is not valid today, an unusable template, and an unusable verification."""
        yield from find_activation_errors(change)
        yield from find_kept_type_errors(change, context)
        if not isinstance(change, Create | Replace):
            return
        spec: CaCertificate = change.resource.spec
        verification = spec.verification
        if verification and verification.key and verification.key.value is None:
            yield f"verification.key {verification.key.explain_absence()}"
        if verification and verification.certificate:
            problem = x509.find_validity_problem(verification.certificate)
            if problem:
                yield f"verification.certificate: {problem.problem}; create a new one for the registration code"

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn of an activation."""
        return warn_of_activation(change)

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Register the CA with its final status."""
        return [*_register(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update status, auto-registration and template together; update tags separately.

        This takes one call, or two if the template or its role is removed.
        """
        tags = with_ownership_tags(change.resource, context.workspace)
        return [
            *_update_settings(change, context),
            *retag("iot", change.live.arn, change.live.tags, tags),
        ]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Register the new CA, then delete the old one.

        If only the mode changes, the ID stays the same, and the old registration has to be deleted first.
        """
        register_calls = [*_register(change.resource, context)]
        delete_calls = [*_delete(change.live)]
        keeps_id = self.identity(change.resource) == change.live.identity
        return [*delete_calls, *register_calls] if keeps_id else [*register_calls, *delete_calls]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Deactivate the CA before deleting it, as AWS requires."""
        return [*_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]


def _build_code_need(certificate: Pem) -> CheckedNeed:
    """Return the need that a verification certificate is for the account's registration code.

    GetRegistrationCode creates the code if the account has none; AWS then returns the same code each time.
    """

    def read() -> ProblemRead:
        (response,) = yield [ApiCall("iot", "GetRegistrationCode")]
        code = response["registrationCode"]
        names = x509.read_common_names(certificate)
        if names == (code,):
            return None
        actual = ", ".join(map(quote, names)) or "none"
        return (
            f"the verification certificate is for another registration code: its common name is {actual}, and the code of "
            f"this account and Region is {code}; create one with this code as its common name"
        )

    return CheckedNeed(("registration-code", certificate.fingerprint), "verification.certificate", read)


def _check_verification(spec: CaCertificate) -> Iterator[ValueProblem]:
    verification = spec.verification
    if spec.certificate_mode == "SNI_ONLY":
        if verification:
            problem = "an SNI_ONLY CA takes no verification"
            yield ValueProblem("conflicting-fields", problem, "no verification", path=("verification",))
        return
    if verification is None or (verification.key is None) == (verification.certificate is None):
        expected = "either verification.key or verification.certificate, to prove that the CA's key is yours"
        problem = "a DEFAULT CA needs exactly one verification"
        yield ValueProblem("missing-verification", problem, expected, path=("verification",))
    elif verification.key:
        key = verification.key
        if key.value is not None and x509.is_readable(spec.pem) and not x509.is_key_of(spec.pem, key.value):
            is_key = x509.is_private_key(key.value)
            verb = "does not match the certificate" if is_key else "is not an unencrypted private key in PEM"
            problem = f"the key from {key.reference} {verb}"
            expected = "the CA's own private key, as unencrypted PEM"
            yield ValueProblem("key-mismatch", problem, expected, path=("verification", "key"))
    elif verification.certificate and not x509.is_readable(verification.certificate):
        path = ("verification", "certificate")
        yield ValueProblem(
            "invalid-certificate", "not a valid X.509 certificate", "a certificate in PEM", path=path
        )
    elif (
        verification.certificate
        and x509.is_readable(spec.pem)
        and not x509.is_signed_by(verification.certificate, spec.pem)
    ):
        problem = "this CA did not sign the verification certificate"
        expected = "a certificate that the CA signed"
        path = ("verification", "certificate")
        yield ValueProblem("unsigned-certificate", problem, expected, path=path)


def _check_registration(spec: CaCertificate, desired: Desired) -> Iterator[ValueProblem]:
    """Check the template of its own or the named one, which must be of type JITP, and the role."""
    if spec.registration_role_arn and not spec.registration_template:
        problem = "there is no template for the role"
        path = ("registration_role_arn",)
        yield ValueProblem("missing-field", problem, "a registration_template", path=path)
    if isinstance(spec.registration_template, Document):
        yield from check_stored_template(
            spec.registration_template, "registration_template", template_type="JITP"
        )
    if isinstance(spec.registration_template, Document) and not spec.registration_role_arn:
        problem = "the template has no role of its own, so AWS cannot provision devices with it"
        expected = "a registration_role_arn"
        path = ("registration_template",)
        yield ValueProblem("missing-role", problem, expected, path=path, severity="warning")
    if isinstance(spec.registration_template, str):
        template = desired.get(Address("provisioning_templates", spec.registration_template))
        if template and template.spec.type != "JITP":
            problem = f"{template.address} is of type {template.spec.type}"
            yield ValueProblem("wrong-template-type", problem, "type JITP", path=("registration_template",))
        elif template and spec.auto_registration and not template.spec.enabled:
            problem = f"{template.address} is not enabled, so AWS does not provision devices that connect"
            path = ("registration_template",)
            yield ValueProblem(
                "disabled-template", problem, "enabled = true in the template", path=path, severity="warning"
            )


def _register(resource: Resource, context: PlanContext) -> Iterator[ApiCall]:
    spec: CaCertificate = resource.spec
    params: dict[str, Any] = {
        "caCertificate": spec.pem.text,
        "setAsActive": spec.status == "ACTIVE",
        "allowAutoRegistration": spec.auto_registration,
        "certificateMode": spec.certificate_mode,
        "tags": to_tag_list(with_ownership_tags(resource, context.workspace)),
    }
    config = _to_registration_config(spec, context)
    if config:
        params["registrationConfig"] = config
    if spec.verification and spec.verification.certificate:
        params["verificationCertificate"] = spec.verification.certificate.text
    elif spec.verification and spec.verification.key:
        yield ApiCall("iot", "GetRegistrationCode")
        code = Ref(resource.address, "registrationCode")
        params["verificationCertificate"] = SignedCode(spec.pem, spec.verification.key, code)
    describe = ApiCall("iot", "DescribeCACertificate", {"certificateId": spec.pem.fingerprint})
    mode_matches = FieldsMatch(describe, {"certificateMode": "certificateDescription.certificateMode"})
    yield ApiCall("iot", "RegisterCACertificate", params, verification=mode_matches)


def _update_settings(change: Update, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that update the changed settings.

    AWS removes a template or its role only together with auto-registration. So if the file removes one of them, or replaces a
    named template with an inline one or the reverse, all are removed first, and those that the file has are set again.
    """
    spec: CaCertificate = change.resource.spec
    before: CaCertificate = change.live.spec
    id_params = {"certificateId": change.live.identity}
    auto_registration = "ENABLE" if spec.auto_registration else "DISABLE"
    params: dict[str, Any] = {}
    if change.has_changed("status"):
        params["newStatus"] = spec.status
    if change.has_changed("auto_registration"):
        params["newAutoRegistrationStatus"] = auto_registration
    if change.has_changed("registration_template") or change.has_changed("registration_role_arn"):
        config = _to_registration_config(spec, context)
        if config:
            params["registrationConfig"] = config
        if not _list_config_members(before) <= config.keys():
            yield ApiCall("iot", "UpdateCACertificate", {**id_params, "removeAutoRegistration": True})
            params["newAutoRegistrationStatus"] = auto_registration
    if params:
        yield ApiCall("iot", "UpdateCACertificate", {**id_params, **params})


def _to_registration_config(spec: CaCertificate, context: PlanContext) -> dict[str, Any]:
    template = spec.registration_template
    if template is None:
        return {}
    config: dict[str, Any] = {}
    if isinstance(template, Document):
        config["templateBody"] = template.text
    else:
        config["templateName"] = context.resolve_identity("provisioning_templates", template)
    return {**config, "roleArn": spec.registration_role_arn} if spec.registration_role_arn else config


def _list_config_members(spec: CaCertificate) -> set[str]:
    """Return the members of the registration config that a spec sets."""
    if spec.registration_template is None:
        return set()
    template = "templateBody" if isinstance(spec.registration_template, Document) else "templateName"
    return {template, "roleArn"} if spec.registration_role_arn else {template}


def _delete(live: Live) -> Iterator[ApiCall]:
    params = {"certificateId": live.identity}
    if live.spec.status == "ACTIVE":
        yield ApiCall("iot", "UpdateCACertificate", {**params, "newStatus": "INACTIVE"})
    yield ApiCall("iot", "DeleteCACertificate", params, ignored_errors=NOT_FOUND)


def _to_live(response: Response, tags: Mapping[str, str]) -> Live:
    description = response["certificateDescription"]
    config = response.get("registrationConfig") or {}
    template = _read_template(config)
    spec = CaCertificate(
        pem=Pem.from_response(description["certificateId"], description.get("certificatePem")),
        certificate_mode=description.get("certificateMode", "DEFAULT"),
        status=description["status"],
        auto_registration=description.get("autoRegistrationStatus") == "ENABLE",
        tags=select_user_tags(tags),
        registration_template=template,
        registration_role_arn=config.get("roleArn") if template else None,
    )
    identity, arn = description["certificateId"], description["certificateArn"]
    facts = CaCertificateFacts(unused_role_arn=None if template else config.get("roleArn"))
    return build_tagged_live(identity, spec, tags, arn, declared_name=tags.get(NAME_TAG), facts=facts)


def _read_template(config: Mapping[str, str]) -> External | Document | None:
    if config.get("templateName"):
        return External(config["templateName"])
    return Document.from_live(config["templateBody"]) if config.get("templateBody") else None


KIND = CaCertificates()
