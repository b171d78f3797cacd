"""The table of next steps: every error of an operation that we send, and no useless advice."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from reconciler.model.errors import AwsError, NoConnectionError, ReconcilerError, TargetError
from reconciler.render.views.aws_advice import READS, find_advice
from reconciler.render.views.next_step import suggest_next_step
from tests.support.declared_operations import list_declared_operations
from tests.support.service_models import create_session

WITHOUT_ADVICE = {
    ("DeleteConflictException", "DeleteCertificateProvider"),
    ("DeleteConflictException", "DeleteRoleAlias"),
    ("LimitExceededException", "DetachPolicy"),
}
"""Errors of writes for which no advice is right, apart from invalid values in deletions."""
INVALID_VALUE_CODES = ("InvalidRequestException", "ValidationException")


def is_one_of(operation, patterns):
    return any(fnmatchcase(operation, pattern) for pattern in patterns)


def make_error(code, operation, message="AWS's message"):
    return AwsError(service="iot", operation=operation, code=code, message=message)


def list_modeled_errors():
    """Return the code and the operation of each modeled error of an operation that we send."""
    session = create_session()
    return sorted(
        (shape.name, operation)
        for service, operation in list_declared_operations()
        for shape in session.get_service_model(service).operation_model(operation).error_shapes
    )


def test_every_modeled_error_of_an_operation_that_we_send_is_in_the_table():
    unknown = [pair for pair in list_modeled_errors() if find_advice(make_error(*pair)) is None]
    assert unknown == []


def test_only_invalid_values_and_a_few_other_errors_of_writes_have_no_advice():
    silent = {pair for pair in list_modeled_errors() if not suggest_next_step(make_error(*pair))}
    removals = ("Delete*", "Detach*", "Disassociate*", "Remove*", "Untag*")
    assert {
        (code, operation)
        for code, operation in silent
        if not (code in INVALID_VALUE_CODES and is_one_of(operation, (*READS, *removals)))
    } == WITHOUT_ADVICE


def test_only_errors_that_pass_advise_to_apply_again_at_once():
    """An apply repeats only failed steps, which helps if their cause no longer exists."""
    codes = {
        code
        for code, operation in list_modeled_errors()
        if suggest_next_step(make_error(code, operation)).startswith("run apply again")
    }
    assert codes == {
        "IndexNotReadyException",
        "InternalException",
        "InternalFailureException",
        "InternalServerException",
        "LimitExceededException",
        "ResourceNotFoundException",
        "ServiceUnavailableException",
        "ThrottlingException",
    }
    assert [
        pair
        for pair in list_modeled_errors()
        if pair[0] in {"LimitExceededException", "ResourceNotFoundException"}
        and "apply again" in suggest_next_step(make_error(*pair))
        and not is_one_of(pair[1], READS)
    ] == []


def test_a_command_outside_an_apply_never_advises_to_apply():
    advice = {suggest_next_step(make_error(*pair), applying=False) for pair in list_modeled_errors()}
    assert [text for text in advice if "apply" in text] == []


@pytest.mark.parametrize(
    ("code", "operation", "message", "advice"),
    [
        (
            "InvalidRequestException",
            "RegisterCACertificate",
            "Cannot accept this CACertificate",
            'set certificate_mode = "SNI_ONLY": in the mode DEFAULT, a CA certificate belongs to one account in each Region',
        ),
        (
            "AccessDeniedException",
            "CreateRoleAlias",
            "User: u is not authorized to perform: iam:PassRole on resource: r",
            "allow the caller to pass that role (iam:PassRole; `reconciler permissions` prints the policy), then run apply again",
        ),
        (
            "LimitExceededException",
            "AttachPolicy",
            "At most 10 policies",
            "attach fewer policies; the limit is fixed; correct the file, then run plan again",
        ),
        (
            "LimitExceededException",
            "AttachSecurityProfile",
            "A target can have 5 security profiles.",
            "attach fewer security profiles to this target; the limit is fixed; correct the file, then run plan again",
        ),
        (
            "InvalidRequestException",
            "DeleteDimension",
            "The dimension d is used.",
            "remove it from the security profiles that use it, then run plan again",
        ),
        (
            "InvalidSignatureException",
            "CreateThing",
            "Signature expired: 20261128T120000Z is now earlier than 20261128T121000Z",
            "set the clock of this machine (`reconciler doctor` compares it with AWS's), then run apply again",
        ),
        (
            "InvalidRequestException",
            "DeleteThingGroup",
            "Cannot delete thing group : g when there are still child groups attached to it.",
            "delete or move the child groups that this workspace does not manage, then run plan again",
        ),
        (
            "ServiceUnavailableException",
            "CreateThing",
            "there is no space left on the disk of /tmp/r.sqlite3",
            "free space on that disk, then run apply again",
        ),
        ("ServiceUnavailableException", "CreateThing", "/tmp/r is damaged: malformed", ""),
        ("NewException", "CreateThing", "no", ""),
        (
            "404",
            "CreateThing",
            "no message",
            "the response is not one of AWS IoT's: check `target` in [workspace] and any proxy, then run apply again",
        ),
        (
            "UnknownOperationException",
            "CreateThing",
            "No operation has the path of this GET request.",
            "remove the path from the URL of `target` in [workspace], then run apply again",
        ),
    ],
)
def test_the_cause_in_the_message_decides_the_advice(code, operation, message, advice):
    assert suggest_next_step(make_error(code, operation, message)) == advice


@pytest.mark.parametrize("error", [TargetError("no AWS Region; set region"), ReconcilerError("x; do y")])
def test_an_error_whose_message_has_the_next_step_gets_no_other(error):
    assert (suggest_next_step(error), suggest_next_step(error, applying=False)) == ("", "")


def test_the_next_step_after_no_connection_is_to_start_the_server():
    error = NoConnectionError("http://127.0.0.1:4714")
    assert str(error) == "cannot connect to http://127.0.0.1:4714; is it running?"
    assert suggest_next_step(error, applying=False) == (
        "start it, or correct `target` in [workspace], then run the command again"
    )
