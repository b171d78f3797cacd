"""Managed encryption: an apply waits for an update, and a failed one is sent again."""

from __future__ import annotations

from attrs import evolve

from reconciler.engine.status import read_status
from reconciler.kinds import all_kinds
from reconciler.kinds.account_managed_encryption import ManagedEncryption
from reconciler.model.address import Address
from reconciler.model.errors import WaitError
from reconciler.model.outcome import Failed
from reconciler.registry import Registry
from tests.support.desired_states import apply, converge, make_resource, make_state, plan_state
from tests.support.exports import export_registry
from tests.support.registry_client import SETTINGS, Cloud

TABLE = "account.managed_encryption"
ADDRESS = Address.parse(TABLE)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/a"
FOREIGN_KEY = "arn:aws:kms:us-east-1:123456789012:key/a"
ADVICE = "check that the key exists in this Region and that its policy lets managed integrations use it"


def declare(key: str):
    spec = ManagedEncryption("CUSTOMER_KEY_ENCRYPTION", key)
    return make_state(make_resource(TABLE, "managed_encryption", spec))


def get_errors(outcomes):
    return [outcome.error for outcome in outcomes if isinstance(outcome, Failed)]


def test_an_apply_waits_until_the_key_is_changed():
    now = [0.0]
    cloud = Cloud()
    settings = evolve(SETTINGS, clock=lambda: now[0], encryption_update_seconds=100)
    cloud.registry = Registry(":memory:", settings)

    def pause(seconds):
        now[0] += seconds

    assert get_errors(apply(plan_state(declare(KEY), cloud), cloud, pause=pause)) == []
    assert 100 <= now[0] < 120
    assert plan_state(declare(KEY), cloud).steps == ()


def test_a_failed_update_is_reported_and_sent_again_until_it_succeeds(cloud):
    (error,) = get_errors(apply(plan_state(declare(FOREIGN_KEY), cloud), cloud, pause=lambda _: None))
    assert isinstance(error, WaitError)
    assert (str(error), error.advice) == ("AWS reports UPDATE_FAILED: The-key-is-in-another-Region", ADVICE)

    plan = plan_state(declare(FOREIGN_KEY), cloud)
    assert [note.text for note in plan.notes] == [
        f"AWS reports that the last update failed: The-key-is-in-another-Region; {ADVICE}"
    ]
    assert [call.operation for call in plan.steps[0].calls] == [
        "PutDefaultEncryptionConfiguration",
        "GetDefaultEncryptionConfiguration",
    ]
    live = plan.steps[0].change.live
    assert read_status(all_kinds()[TABLE], live, cloud.call).values == {
        "state": "UPDATE_FAILED",
        "reason": "The-key-is-in-another-Region.",
    }
    export = export_registry(cloud, patterns=["*"])
    assert export.left_out == {ADDRESS: "its last update failed"}

    converge(declare(KEY), cloud)
    assert plan_state(declare(KEY), cloud).steps == ()
