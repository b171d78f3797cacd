"""A run without faults repairs what runs over a faulty network left behind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError, TargetError
from reconciler.model.plan import Plan
from reconciler.model.settings import DesiredState
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import AUTHORITIES, apply, converge, list_failures, plan_state
from tests.support.direct_client import EMPTY_POLICY
from tests.support.examples import examples
from tests.support.fault_injection import LOST_RESPONSES, FaultyCloud, RandomFaults
from tests.support.registry_client import Cloud

_RATES = st.sampled_from([0.05, 0.2, 0.5])
_SEEDS = st.integers(0, 2**32)


class FaultyApplies(RuleBasedStateMachine):
    """Applies of successive random desired states over a faulty network.

    The account also has unmanaged resources, which must stay unchanged. After each apply, a run without faults must lead to the
    same content as in an account that never had faults.
    """

    faulty_cloud = FaultyCloud()
    faultless_cloud = Cloud()
    desired: DesiredState | None = None

    @initialize()
    def create_unmanaged_resources(self) -> None:
        """Create unmanaged resources in both accounts."""
        self.faulty_cloud.faults = None
        self.desired: DesiredState | None = None
        for cloud in (self.faulty_cloud.reset(), self.faultless_cloud.reset()):
            cloud.iot.create_thing(thingName="stranger", attributePayload={"attributes": {"site": "x"}})
            pem = AUTHORITIES["beta"].get_device_pem("stranger")
            certificate = cloud.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
            cloud.iot.attach_thing_principal(thingName="stranger", principal=certificate["certificateArn"])
            cloud.iot.create_policy(policyName="stranger", policyDocument=EMPTY_POLICY)

    @rule(desired=desired_states(), seed=_SEEDS, rate=_RATES)
    def apply_over_a_faulty_network(self, desired: DesiredState, seed: int, rate: float) -> None:
        """Plan and apply; both may fail."""
        self.desired = desired
        self.faulty_cloud.restart()
        self.faulty_cloud.faults = RandomFaults(seed, rate)
        try:
            apply(plan_state(desired, self.faulty_cloud), self.faulty_cloud)
        except (AwsError, TargetError):
            pass
        finally:
            self.faulty_cloud.stop_faults()

    @invariant()
    def a_faultless_run_leaves_exactly_the_desired_state(self) -> None:
        if self.desired is None:
            return
        converge(self.desired, self.faulty_cloud)
        converge(self.desired, self.faultless_cloud)
        assert self.faulty_cloud.read_content() == self.faultless_cloud.read_content()
        assert plan_state(self.desired, self.faulty_cloud).steps == ()


@pytest.mark.hypothesis
def test_a_run_without_faults_leaves_exactly_the_desired_state_after_any_faults():
    run_state_machine_as_test(
        FaultyApplies,
        settings=settings(examples(6), stateful_step_count=3),
    )


@examples(7)
@given(before=desired_states(), after=desired_states(), seed=_SEEDS, fault=st.sampled_from(LOST_RESPONSES))
def test_a_run_that_loses_responses_applies_every_step_exactly_once(before, after, seed, fault):
    faulty_cloud, faultless_cloud = FaultyApplies.faulty_cloud, FaultyApplies.faultless_cloud
    faulty_cloud.stop_faults().reset()
    faultless_cloud.reset()
    converge(before, faulty_cloud)
    converge(before, faultless_cloud)
    converge(after, faultless_cloud)
    plan = plan_state(after, faulty_cloud)
    assert find_unverifiable_calls(plan, faulty_cloud) == []
    faulty_cloud.faults = RandomFaults(seed, 0.3, (fault,))
    outcomes = apply(plan, faulty_cloud)
    faulty_cloud.stop_faults()
    assert list_failures(outcomes) == []
    assert faulty_cloud.read_content() == faultless_cloud.read_content()
    assert count_versions(faulty_cloud) == count_versions(faultless_cloud)


def find_unverifiable_calls(plan: Plan, cloud: Cloud) -> list[str]:
    """Return the calls that can neither be repeated nor verified after a lost response.

    Only calls with the HTTP methods POST and PATCH may take effect twice when they are repeated.
    """
    models = {
        client.meta.service_model.service_name: client.meta.service_model
        for client in (cloud.iot, cloud.managed_integrations)
    }

    def is_repeatable(call: ApiCall) -> bool:
        method = models[call.service].operation_model(call.operation).http["method"]
        return call.idempotent or method not in {"POST", "PATCH"}

    calls = [call for step in plan.steps for call in step.calls]
    return [str(call) for call in calls if not is_repeatable(call) and not call.verification]


def count_versions(cloud: Cloud) -> dict[str, int]:
    """Return the number of versions of each policy and template, by name."""
    counts = {}
    for policy in cloud.iot.list_policies()["policies"]:
        name = policy["policyName"]
        counts[name] = len(cloud.iot.list_policy_versions(policyName=name)["policyVersions"])
    for template in cloud.iot.list_provisioning_templates()["templates"]:
        name = template["templateName"]
        counts[name] = len(cloud.iot.list_provisioning_template_versions(templateName=name)["versions"])
    return counts
