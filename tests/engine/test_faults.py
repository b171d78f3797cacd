"""Whatever the network does to an apply, the next clean run leaves what one clean run leaves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from reconciler.model.errors import AwsError, TargetError
from reconciler.model.plan import Plan
from reconciler.model.settings import DesiredState
from tests.support.desired_states import AUTHORITIES, converge, desired_states, failures, plan_of, run
from tests.support.examples import examples
from tests.support.fault_injection import WRITES_LOST, Faults, FaultyCloud
from tests.support.registry_client import Cloud

_RATES = st.sampled_from([0.05, 0.2, 0.5])
_SEEDS = st.integers(0, 2**32)


class Torture(RuleBasedStateMachine):
    """Any files, one after the other, applied over a network with any faults, beside resources of somebody else."""

    faulty = FaultyCloud()
    clean = Cloud()
    wanted: DesiredState | None = None

    @initialize()
    def strangers(self) -> None:
        """Somebody else's things in the same account, one of them with a certificate."""
        self.faulty.faults = None
        self.wanted: DesiredState | None = None
        for cloud in (self.faulty.empty(), self.clean.empty()):
            cloud.iot.create_thing(thingName="stranger", attributePayload={"attributes": {"site": "x"}})
            pem = AUTHORITIES["beta"].device("stranger")
            arn = cloud.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
            cloud.iot.attach_thing_principal(thingName="stranger", principal=arn["certificateArn"])
            cloud.iot.create_policy(policyName="stranger", policyDocument='{"Version": "2012-10-17"}')

    @rule(wanted=desired_states(), seed=_SEEDS, rate=_RATES)
    def apply_over_a_bad_network(self, wanted: DesiredState, seed: int, rate: float) -> None:
        """Planning may fail; what is applied is applied as far as it goes."""
        self.wanted = wanted
        self.faulty.restart().faults = Faults(seed, rate)
        try:
            run(plan_of(wanted, self.faulty), self.faulty)
        except (AwsError, TargetError):
            pass
        finally:
            self.faulty.calm()

    @invariant()
    def a_clean_run_leaves_what_the_file_says_and_nothing_else(self) -> None:
        if self.wanted is None:
            return
        converge(self.wanted, self.faulty)
        converge(self.wanted, self.clean)
        assert self.faulty.content() == self.clean.content()
        assert plan_of(self.wanted, self.faulty).steps == ()


@pytest.mark.hypothesis
def test_after_any_faults_a_clean_run_leaves_what_the_file_says_and_nothing_else():
    run_state_machine_as_test(
        Torture,
        settings=settings(examples(8), stateful_step_count=3),
    )


_FAST = examples(16)


@_FAST
@given(before=desired_states(), after=desired_states(), seed=_SEEDS, lost=st.sampled_from(WRITES_LOST))
def test_a_run_that_loses_answers_does_all_that_it_planned_and_nothing_twice(before, after, seed, lost):
    cloud, other = Torture.faulty.calm().empty(), Torture.clean.empty()
    converge(before, cloud)
    converge(before, other)
    converge(after, other)
    plan = plan_of(after, cloud)
    assert unresolved(plan, cloud) == []
    cloud.faults = Faults(seed, 0.3, (lost,))
    outcomes = run(plan, cloud)
    cloud.calm()
    assert failures(outcomes) == []
    assert cloud.content() == other.content()
    assert versions(cloud) == versions(other)


def unresolved(plan: Plan, cloud: Cloud) -> list[str]:
    """The calls of which nobody could tell whether they were done."""
    models = {
        client.meta.service_model.service_name: client.meta.service_model
        for client in (cloud.iot, cloud.managed)
    }
    return [
        str(call)
        for step in plan.steps
        for call in step.calls
        if models[call.service].operation_model(call.operation).http["method"] in {"POST", "PATCH"}
        and not (call.idempotent or call.verification)
    ]


def versions(cloud: Cloud) -> dict[str, int]:
    """How many versions each policy and each template has."""
    policies = cloud.iot.list_policies()["policies"]
    templates = cloud.iot.list_provisioning_templates()["templates"]
    return {
        name["policyName"]: len(
            cloud.iot.list_policy_versions(policyName=name["policyName"])["policyVersions"]
        )
        for name in policies
    } | {
        name["templateName"]: len(
            cloud.iot.list_provisioning_template_versions(templateName=name["templateName"])["versions"]
        )
        for name in templates
    }
