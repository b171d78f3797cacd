"""A process that runs many tasks forgets their secrets, and does not mix tenants."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from reconciler.engine.threads import ContextThreadPool
from reconciler.model import redaction
from reconciler.model.redaction import redact, redaction_scope, register_secret
from reconciler.model.secret import Secret
from reconciler.rollout import Rollout
from tests.support.canaries import CANARIES, write_environment_with_secrets


def get_registered() -> tuple[frozenset[str], frozenset[str], int]:
    """Return the secrets and the attributes that the process keeps, and the number of open scopes."""
    register = redaction._PROCESS_REGISTER
    return frozenset(register._secrets), register._attributes, len(redaction._OPEN_SCOPES)


def test_a_process_keeps_no_secret_of_the_tasks_that_it_has_run(tmp_path, monkeypatch):
    before = get_registered()
    registered = []
    register = redaction._Register.add_secret

    def record(scope, secret):
        registered.append((secret, scope is redaction._PROCESS_REGISTER))
        register(scope, secret)

    monkeypatch.setattr(redaction._Register, "add_secret", record)
    rollout = Rollout(write_environment_with_secrets(tmp_path / "files", monkeypatch))
    assert rollout.apply(rollout.plan()).ok
    monkeypatch.setenv("PIN", "canary-pin-2")  # the live attribute then has a secret that no variable has
    assert rollout.apply(rollout.plan()).ok
    assert {CANARIES["PIN"], "canary-pin-2"} <= {secret for secret, _ in registered}
    assert [secret for secret, is_process in registered if is_process] == []
    assert get_registered() == before


def test_two_tenants_at_once_do_not_redact_each_others_texts():
    barrier = threading.Barrier(2, timeout=10)

    def run(secret, other_secret):
        with redaction_scope(), ContextThreadPool() as pool:
            pool.submit(register_secret, secret).result()
            barrier.wait()
            text = f"{secret} and {other_secret}"
            results = [redact(text), pool.submit(redact, text).result()]
            with ThreadPoolExecutor() as plain_pool:
                results.append(plain_pool.submit(redact, text).result())
            barrier.wait()
            return results

    with ThreadPoolExecutor(2) as tenants:
        first = tenants.submit(run, "alpha-secret", "omega-secret")
        second = tenants.submit(run, "omega-secret", "alpha-secret")
        # A thread without a scope, as that of a log handler, hides the secrets of all.
        assert first.result() == ["(sensitive) and omega-secret"] * 2 + ["(sensitive) and (sensitive)"]
        assert second.result() == ["(sensitive) and alpha-secret"] * 2 + ["(sensitive) and (sensitive)"]
    assert redact("alpha-secret omega-secret") == "alpha-secret omega-secret"


def test_a_scope_inside_another_one_forgets_only_its_own_secrets():
    with redaction_scope():
        register_secret("outer-secret")
        with redaction_scope():
            register_secret("inner-secret")
            assert redact("outer-secret inner-secret") == "(sensitive) (sensitive)"
        assert redact("outer-secret inner-secret") == "(sensitive) inner-secret"


def test_a_hash_of_a_secret_is_computed_once_and_forgotten_with_it(monkeypatch):
    computed = []

    def compute(value, **options):
        computed.append(value)
        return b"hash"

    monkeypatch.setattr("hashlib.scrypt", compute)
    hashes_before = dict(redaction._PROCESS_REGISTER.hashes)
    secret = Secret("env PIN", "tenant-secret")
    for _ in range(2):
        with redaction_scope(), ContextThreadPool() as pool:
            digests = {secret.hash_with_salt("pump"), pool.submit(secret.hash_with_salt, "pump").result()}
            assert len(digests) == 1
    assert computed == [b"tenant-secret"] * 2
    assert redaction._PROCESS_REGISTER.hashes == hashes_before
