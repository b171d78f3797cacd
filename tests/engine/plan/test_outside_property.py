"""An apply never fails on something outside the file that its plan could have read."""

from __future__ import annotations

from hypothesis import event, given

from reconciler.model.errors import PlanRejectedError
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import apply, converge, list_failures, plan_state
from tests.support.examples import examples
from tests.support.outside_strategy import accounts, dangling_states, fill_account


@examples(14)
@given(before=desired_states(), account=accounts(), after=dangling_states())
def test_an_apply_never_fails_on_something_that_its_plan_could_have_read(
    module_cloud, before, account, after
):
    cloud = module_cloud.reset()
    converge(before, cloud)
    fill_account(account, cloud)
    try:
        plan = plan_state(after, cloud)
    except PlanRejectedError:
        event("rejected")
        return
    event("accepted")
    assert list_failures(apply(plan, cloud)) == []
