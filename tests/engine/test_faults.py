"""After an apply over a faulty network, a clean run leaves what a single clean run leaves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from reconciler.model.errors import AwsError, TargetError
from reconciler.model.plan import Plan
from reconciler.model.settings import DesiredState
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import AUTHORITIES, apply, converge, failures, plan_of
from tests.support.examples import examples
from tests.support.fault_injection import LOST_RESPONSES, FaultyCloud, RandomFaults
from tests.support.registry_client import Cloud

_RATES = st.sampled_from([0.05, 0.2, 0.5])
_SEEDS = st.integers(0, 2**32)


class FaultyApplies(RuleBasedStateMachine):
    """Any desired states, one after the other, applied over a faulty network, next to resources of others."""

    faulty = FaultyCloud()
    clean = Cloud()
    desired: DesiredState | None = None

    @initialize()
    def create_resources_of_others(self) -> None:
        """Create resources of others in both accounts."""
        self.faulty.faults = None
        self.desired: DesiredState | None = None
        for cloud in (self.faulty.reset(), self.clean.reset()):
            cloud.iot.create_thing(thingName="stranger", attributePayload={"attributes": {"site": "x"}})
            pem = AUTHORITIES["beta"].device("stranger")
            arn = cloud.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
            cloud.iot.attach_thing_principal(thingName="stranger", principal=arn["certificateArn"])
            cloud.iot.create_policy(policyName="stranger", policyDocument='{"Version": "2012-10-17"}')

    @rule(desired=desired_states(), seed=_SEEDS, rate=_RATES)
    def apply_over_a_faulty_network(self, desired: DesiredState, seed: int, rate: float) -> None:
        """Plan and apply; both may fail."""
        self.desired = desired
        self.faulty.restart().faults = RandomFaults(seed, rate)
        try:
            apply(plan_of(desired, self.faulty), self.faulty)
        except (AwsError, TargetError):
            pass
        finally:
            self.faulty.stop_faults()

    @invariant()
    def a_clean_run_leaves_exactly_the_desired_state(self) -> None:
        if self.desired is None:
            return
        converge(self.desired, self.faulty)
        converge(self.desired, self.clean)
        assert self.faulty.content() == self.clean.content()
        assert plan_of(self.desired, self.faulty).steps == ()


@pytest.mark.hypothesis
def test_a_clean_run_after_any_faults_leaves_exactly_the_desired_state():
    run_state_machine_as_test(
        FaultyApplies,
        settings=settings(examples(8), stateful_step_count=3),
    )


_FAST = examples(16)


@_FAST
@given(before=desired_states(), after=desired_states(), seed=_SEEDS, fault=st.sampled_from(LOST_RESPONSES))
def test_a_run_that_loses_responses_applies_every_step_exactly_once(before, after, seed, fault):
    cloud, other = FaultyApplies.faulty.stop_faults().reset(), FaultyApplies.clean.reset()
    converge(before, cloud)
    converge(before, other)
    converge(after, other)
    plan = plan_of(after, cloud)
    assert calls_without_verification(plan, cloud) == []
    cloud.faults = RandomFaults(seed, 0.3, (fault,))
    outcomes = apply(plan, cloud)
    cloud.stop_faults()
    assert failures(outcomes) == []
    assert cloud.content() == other.content()
    assert versions(cloud) == versions(other)


def calls_without_verification(plan: Plan, cloud: Cloud) -> list[str]:
    """Return the calls whose outcome would stay unknown after a lost response."""
    models = {
        client.meta.service_model.service_name: client.meta.service_model
        for client in (cloud.iot, cloud.managed_integrations)
    }
    return [
        str(call)
        for step in plan.steps
        for call in step.calls
        if models[call.service].operation_model(call.operation).http["method"] in {"POST", "PATCH"}
        and not (call.idempotent or call.verification)
    ]


def versions(cloud: Cloud) -> dict[str, int]:
    """Return the number of versions of each policy and template."""
    policies = cloud.iot.list_policies()["policies"]
    templates = cloud.iot.list_provisioning_templates()["templates"]
    return {
        policy["policyName"]: len(
            cloud.iot.list_policy_versions(policyName=policy["policyName"])["policyVersions"]
        )
        for policy in policies
    } | {
        template["templateName"]: len(
            cloud.iot.list_provisioning_template_versions(templateName=template["templateName"])["versions"]
        )
        for template in templates
    }
