"""What a workspace may touch: what bears its mark, and what nobody's mark is on when it is asked to."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from tests.support.desired_states import ca, converge, device, plan_of, state
from tests.support.registry_client import Cloud

ADOPT = "{0}: already exists and is not managed by this workspace; import it with --adopt {0}"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def refused(wanted, cloud, **options) -> tuple[str, ...]:
    with pytest.raises(PlanRejectedError) as error:
        plan_of(wanted, cloud, **options)
    return error.value.reasons


def test_a_resource_of_another_workspace_is_rejected_by_name(cloud):
    converge(state(ca(), *device("a"), workspace="one"), cloud)
    assert refused(state(*device("a", site="oslo")[1:], workspace="two"), cloud) == (
        "things.a: belongs to the workspace 'one', not to 'two'",
    )


def test_a_certificate_of_unmanaged_things_is_not_taken_over(cloud):
    converge(state(ca(), *device("a"), workspace="one"), cloud)
    certificate, _ = device("a")
    mine = state(certificate, workspace="two")
    assert refused(mine, cloud) == ("certificates.a: belongs to the workspace 'one', not to 'two'",)


def test_an_unmanaged_thing_that_differs_is_imported_only_with_adopt(cloud):
    cloud.iot.create_thing(thingName="a", attributePayload={"attributes": {"site": "bergen"}})
    wanted = state(ca(), *device("a", site="oslo"))
    assert refused(wanted, cloud) == (ADOPT.format("things.a"),)
    assert plan_of(wanted, cloud, adopt=[Address("things", "a")]).counts["update"] == 1


def test_an_unmanaged_resource_is_never_deleted(cloud):
    cloud.iot.create_thing(thingName="somebody-elses")
    converge(state(ca(), *device("a")), cloud)
    converge(state(), cloud)
    assert list(cloud.content()["things"]) == ["somebody-elses"]


def test_a_certificate_of_a_foreign_thing_is_detached_and_not_deleted(cloud):
    converge(state(ca(), *device("a")), cloud)
    (held,) = cloud.iot.list_thing_principals(thingName="a")["principals"]
    cloud.iot.create_thing(thingName="somebody-elses")
    cloud.iot.attach_thing_principal(thingName="somebody-elses", principal=held)
    converge(state(ca()), cloud)
    content = cloud.content()
    assert (list(content["things"]), list(content["certificates"])) == (
        ["somebody-elses"],
        [held.rpartition("/")[2]],
    )
