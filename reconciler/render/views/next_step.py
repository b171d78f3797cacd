"""Next steps after an error, by AWS error code or by the class of one of our own errors."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.errors import (
    AwsError,
    LeaseLostError,
    MissingSecretError,
    ReconcilerError,
    StaleError,
    TargetError,
)

APPLY_AGAIN = "run apply again; completed steps are not repeated"

_SLOW_DOWN = "run apply again, or lower the rate in [workspace.quotas]: AWS is throttling requests"
_AWS_FAULT = "run apply again later: the failure is on AWS's side"
_CORRECT_FILE = "correct the file according to AWS's message, then run apply again"

_NEXT_STEPS: Mapping[str, str] = {  # AWS's error code → the next step
    "AccessDeniedException": "grant the caller permission for this operation, then run apply again",
    "UnrecognizedClientException": "check the credentials (aws sts get-caller-identity), then run apply again",
    "ExpiredTokenException": "renew the credentials, then run apply again",
    "VersionConflictException": "run plan again: the resource was changed after the plan was made",
    "ConflictException": "run plan again: another resource uses a value that must be unique, such as a setup code, "
    "or the resource was changed after the plan was made",
    "ConflictingResourceUpdateException": "run plan again in a moment: someone else is changing the resource",
    "ResourceAlreadyExistsException": "import the resource with `reconciler plan --adopt`, or choose another name: "
    "it exists and is not managed by this workspace",
    "ResourceNotFoundException": "run plan again: a resource that this step depends on no longer exists",
    "ResourceConflictException": "run plan again: the resource exists with other values",
    "DeleteConflictException": "run plan again in a moment: another resource still uses this one",
    "CertificateConflictException": "set the certificate's `ca` in the file, then run apply again: "
    "several registered CA certificates could have signed it",
    "CertificateValidationException": "check the certificate and the CA that signed it; `reconciler validate` may name the cause",
    "CertificateStateException": "check the status of the certificate and of its CA with `reconciler show`",
    "RegistrationCodeValidationException": "sign the verification certificate with the CA's own key, and use this "
    "account's registration code as its common name",
    "InvalidRequestException": _CORRECT_FILE,
    "MalformedPolicyException": _CORRECT_FILE,
    "ValidationException": _CORRECT_FILE,
    # AWS does not raise the limits behind this error, such as ten policies on a certificate (`kinds/base/aws_limits.py`).
    "LimitExceededException": "detach or delete what is no longer needed, then run apply again: AWS does not raise this limit",
    # AWS documents no quota behind this error, so it is not known whether it can be raised.
    "ServiceQuotaExceededException": "delete what is no longer needed, then run apply again",
    "ThrottlingException": _SLOW_DOWN,
    "TooManyRequestsException": _SLOW_DOWN,
    "InternalFailureException": _AWS_FAULT,
    "InternalServerException": _AWS_FAULT,
    "ServiceUnavailableException": _AWS_FAULT,
}


def suggest_next_step(error: ReconcilerError) -> str:
    """Suggest in one sentence what the reader can do after an error."""
    match error:
        case AwsError():
            return _NEXT_STEPS.get(error.code, APPLY_AGAIN)
        case StaleError():
            return "run plan again and review the changes made after the plan; none of them was overwritten"
        case LeaseLostError():
            return "run plan again; `reconciler doctor` shows whether someone else is applying this workspace"
        case MissingSecretError():
            return f"set {error.reference}, then {APPLY_AGAIN}"
        case TargetError():
            return f"check credentials, region and endpoint, then {APPLY_AGAIN}"
        case _:
            return f"fix the cause, then {APPLY_AGAIN}"
