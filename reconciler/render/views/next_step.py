"""What to do next after an error, by AWS's error code and by our own classes of error."""

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

APPLY_AGAIN = "apply again: what is done stays done, and only the rest is tried"

_CODES: Mapping[str, str] = {
    "AccessDeniedException": "give the caller permission for this operation, then apply again",
    "UnrecognizedClientException": "check the credentials (aws sts get-caller-identity), then apply again",
    "ExpiredTokenException": "renew the credentials, then apply again",
    "VersionConflictException": "somebody changed it after the plan was made; plan again and look at what they changed",
    "ConflictException": "another one has what must be its own, such as a setup code, or somebody changed it since; plan again to see",
    "ConflictingResourceUpdateException": "somebody else is changing it right now; plan again in a moment",
    "ResourceAlreadyExistsException": "it exists and is not this workspace's; see `plan --adopt`, or choose another name",
    "ResourceNotFoundException": "what it needs is gone; plan again to see what is there now",
    "ResourceConflictException": "it exists with other values; plan again to see what is there now",
    "DeleteConflictException": "something still uses it; plan again in a moment to see what",
    "CertificateConflictException": "the certificate is registered with another CA; see `show` for what is there",
    "CertificateValidationException": "look at the certificate and the CA that should have signed it; `validate` may say more",
    "CertificateStateException": "the certificate, or its CA, is not registered or not in a state that allows this; see `show`",
    "RegistrationCodeValidationException": "the verification must be signed by the CA's own key, over this account's code",
    "InvalidRequestException": "correct the file as AWS says, then apply again",
    "ValidationException": "correct the file as AWS says, then apply again",
    "LimitExceededException": "an account quota is reached: raise it in Service Quotas or remove something, then apply again",
    "ServiceQuotaExceededException": "an account quota is reached: raise it in Service Quotas, then apply again",
    "ThrottlingException": "AWS asks for a slower pace; apply again, or lower the rate in [workspace.quotas]",
    "TooManyRequestsException": "AWS asks for a slower pace; apply again, or lower the rate in [workspace.quotas]",
    "InternalFailureException": "the failure is on AWS's side; apply again in a while",
    "InternalServerException": "the failure is on AWS's side; apply again in a while",
    "ServiceUnavailableException": "the failure is on AWS's side; apply again in a while",
}


def suggest_next_step(error: ReconcilerError) -> str:
    """One sentence: what the reader can do."""
    match error:
        case AwsError():
            return _CODES.get(error.code, APPLY_AGAIN)
        case StaleError():
            return "plan again and look at what somebody else has changed; nothing of theirs was overwritten"
        case LeaseLostError():
            return "see who applies this workspace (`reconciler unlock` tells), then plan again"
        case MissingSecretError():
            return f"set {error.reference}, then {APPLY_AGAIN}"
        case TargetError():
            return "check credentials, region and endpoint, then " + APPLY_AGAIN
        case _:
            return "look at the cause, then " + APPLY_AGAIN
