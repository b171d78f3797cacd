"""Next steps after an error of AWS: one table of error code, operation and cause.

Invariant: an advice is right, or there is none. Every error that botocore's models have for an operation that we send is in the table;
`None` means that nothing more can be advised than AWS's message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from reconciler.frozen_classes import frozen
from reconciler.model.errors import NO_MESSAGE, AwsError

READS = ("List*", "Get*", "Describe*", "Search*")
"""Globs of the operations that change nothing."""

_REMOVALS = ("Delete*", "Detach*", "Remove*", "Untag*", "Disassociate*")
_REGISTRATIONS = ("RegisterCertificate", "RegisterCertificateWithoutCA")


@frozen
class Advice:
    """The next step after an error, if its operation and message match.

    - `text`: the advice; None if there is none; `{again}` is replaced by how to try again;
    - `operations`: globs of operations;
    - `cause`: a regular expression that is searched in AWS's message.
    """

    text: str | None
    operations: tuple[str, ...] = ("*",)
    cause: str = ""


_NO_PERMISSION = (
    Advice(
        "allow the caller to pass that role (iam:PassRole; `reconciler permissions` prints the policy), then {again}",
        cause="PassRole",
    ),
    Advice(
        "grant the caller permission for this operation (`reconciler permissions` prints the policy that the file needs), then {again}"
    ),
)
_CREDENTIALS = (Advice("check the credentials (aws sts get-caller-identity), then {again}"),)
_EXPIRED_CREDENTIALS = (Advice("renew the credentials, then {again}"),)
_SIGNATURE = (
    Advice(
        "set the clock of this machine (`reconciler doctor` compares it with AWS's), then {again}",
        cause="(?i)signature (?:expired|not yet current)",
    ),
    *_CREDENTIALS,
)
_SLOW_DOWN = (Advice("{again}, or lower the rate in [workspace.quotas]: AWS is throttling requests"),)
_SERVER_FAULT = (
    Advice("free space on that disk, then {again}", cause="no space left on the disk"),
    Advice(None, cause="the disk of|cannot be (?:written|opened): |is damaged: "),
    Advice("{again} later: the service failed, not the request"),
)
_INVALID_VALUE = (
    Advice(None, READS),
    Advice(
        'set certificate_mode = "SNI_ONLY": in the mode DEFAULT, a CA certificate belongs to one account in each Region',
        ("RegisterCACertificate",),
        "Cannot accept this CACertificate",
    ),
    Advice(
        "refer to a static thing group: AWS computes the members of dynamic ones",
        cause="(?i)dynamic thing group",
    ),
    Advice(
        "delete or move the child groups that this workspace does not manage, then run plan again",
        ("DeleteThingGroup",),
        "(?i)child groups",
    ),
    Advice(
        "remove it from the security profiles that use it, then run plan again",
        ("DeleteCustomMetric", "DeleteDimension"),
    ),
    Advice(None, _REMOVALS),
    Advice("correct the file according to AWS's message, then run plan again"),
)
_FIXED_LIMIT = "the limit is fixed; correct the file, then run plan again"

_ADVICE: Mapping[
    str, tuple[Advice, ...]
] = {  # AWS's error code → its advice; the first that matches is right
    "AccessDenied": _NO_PERMISSION,
    "AccessDeniedException": _NO_PERMISSION,
    "UnauthorizedException": _NO_PERMISSION,
    "UnauthorizedOperation": _NO_PERMISSION,
    "ForbiddenException": _NO_PERMISSION,
    "UnrecognizedClientException": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "MissingAuthenticationTokenException": _CREDENTIALS,
    "IncompleteSignature": _CREDENTIALS,
    "IncompleteSignatureException": _CREDENTIALS,
    "InvalidSignatureException": _SIGNATURE,
    "SignatureDoesNotMatch": _SIGNATURE,
    "RequestExpired": _SIGNATURE,
    "ExpiredToken": _EXPIRED_CREDENTIALS,
    "ExpiredTokenException": _EXPIRED_CREDENTIALS,
    "UnknownOperationException": (
        # The embedded registry's message.
        Advice(
            "remove the path from the URL of `target` in [workspace], then {again}",
            cause="^No operation has the path",
        ),
        Advice("use a Region that has this service, or remove its tables from the file"),
    ),
    "VersionConflictException": (Advice("run plan again: the resource was changed after the plan was made"),),
    "ConflictException": (
        Advice(
            "run plan again: it was created after the plan was made; import it with --adopt, or choose another name",
            ("CreateJobTemplate", "CreatePackage", "CreatePackageVersion"),
        ),
        Advice(
            "run plan again: another resource uses a value that must be unique, such as a setup code",
            ("Create*",),
        ),
        Advice("run plan again in a moment: the resource was changed after the plan was made, or still is"),
    ),
    "ConflictingResourceUpdateException": (
        Advice("run plan again in a moment: someone else is changing the resource"),
    ),
    "ResourceAlreadyExistsException": (
        Advice(
            "run plan again: it was registered after the plan was made; import it with --adopt if it is not managed",
            ("Register*",),
        ),
        Advice(
            "run plan again: it was created after the plan was made; import it with --adopt, or choose another name"
        ),
    ),
    "ResourceConflictException": (Advice("run plan again: the resource exists with other values"),),
    "ResourceNotFoundException": (
        Advice("{again}: a resource was deleted while it was read", READS),
        Advice("run plan again: a resource that AWS's message names, or that this step uses, does not exist"),
    ),
    "DeleteConflictException": (
        Advice("detach the policy from what still has it, then run plan again", ("DeletePolicy",)),
        Advice("run plan again: another version is the default now", ("Delete*Version",)),
        Advice(
            "take the template out of the CA certificates that still use it, then run plan again",
            ("DeleteProvisioningTemplate",),
        ),
        Advice(
            "detach what was attached to the certificate after the plan was made, then run plan again",
            ("DeleteCertificate",),
        ),
        Advice(
            "take the authorizer out of the domain configurations that still use it, then run plan again",
            ("DeleteAuthorizer",),
        ),
        Advice(None),
    ),
    "CertificateConflictException": (
        Advice(
            "set the certificate's `ca` in the file, then run plan again: several registered CA certificates could have signed it"
        ),
    ),
    "CertificateValidationException": (
        Advice(
            "check that it is a CA certificate, and that its verification certificate is signed with its own key",
            ("RegisterCACertificate",),
        ),
        Advice("check the certificate and the CA that signed it; `reconciler validate` may name the cause"),
    ),
    "CertificateStateException": (
        Advice(
            "check the status of the CA certificate that signed it: it must be registered and ACTIVE",
            _REGISTRATIONS,
        ),
        Advice("run plan again: the certificate's status was changed after the plan was made"),
    ),
    "RegistrationCodeValidationException": (
        Advice(
            "sign the verification certificate with the CA's own key, and use this account's registration code as its common name"
        ),
    ),
    "ResourceRegistrationFailureException": (
        Advice("correct the template or its parameters according to AWS's message, then run plan again"),
    ),
    "MalformedPolicyException": (
        Advice("correct the policy's document according to AWS's message, then run plan again"),
    ),
    "InvalidQueryException": (
        Advice("correct `query_string` in the file according to AWS's message, then run plan again"),
    ),
    "InvalidAggregationException": (
        Advice(
            "correct `aggregation_type` or `aggregation_field` in the file according to AWS's message, then run plan again"
        ),
    ),
    "SqlParseException": (
        Advice("correct `sql` in the file according to AWS's message, then run plan again"),
    ),
    "IndexNotReadyException": (Advice("{again} in a few minutes: fleet indexing is not ready yet"),),
    "NotConfiguredException": (Advice("set `role_arn` in [account.logging], then run plan again"),),
    "InvalidRequestException": _INVALID_VALUE,
    "ValidationException": _INVALID_VALUE,
    "ParameterValidation": _INVALID_VALUE,
    "VersionsLimitExceededException": (
        Advice("run plan again: someone else created versions after the plan was made"),
    ),
    "LimitExceededException": (
        Advice("{again} later", READS),
        Advice(f"attach fewer policies; {_FIXED_LIMIT}", ("AttachPolicy",)),
        Advice(f"attach fewer security profiles to this target; {_FIXED_LIMIT}", ("AttachSecurityProfile",)),
        Advice(f"use fewer tags; {_FIXED_LIMIT}", ("TagResource",)),
        Advice(
            "delete a CA certificate with the same subject; the limit is fixed; then run plan again",
            ("RegisterCACertificate",),
        ),
        Advice(None, _REMOVALS),
        # AWS raises hardly any of the limits behind this error (`kinds/base/aws_limits.py`).
        Advice("delete resources of this kind that are no longer needed, then run plan again"),
    ),
    "ServiceQuotaExceededException": (
        # AWS documents no quota behind this error, so it is not known whether it can be raised.
        Advice("delete resources of this kind that are no longer needed, then run plan again"),
    ),
    **dict.fromkeys(
        ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"),
        _SLOW_DOWN,
    ),
    **dict.fromkeys(
        (
            *(
                "InternalException",
                "InternalFailure",
                "InternalFailureException",
                "InternalServerException",
                "InternalServerError",
            ),
            *("ServiceUnavailable", "ServiceUnavailableException"),
        ),
        _SERVER_FAULT,
    ),
}
_NOT_AWS = Advice(
    "the response is not one of AWS IoT's: check `target` in [workspace] and any proxy, then {again}"
)


def find_advice(error: AwsError) -> Advice | None:
    """Return the advice for an error; None if its code is not in the table."""
    if error.code.isdigit() and error.message == NO_MESSAGE:  # an HTTP status; every error of AWS has a code
        return _NOT_AWS
    for advice in _ADVICE.get(error.code, ()):
        matches_operation = any(fnmatchcase(error.operation, pattern) for pattern in advice.operations)
        if matches_operation and re.search(advice.cause, error.message):
            return advice
    return None
