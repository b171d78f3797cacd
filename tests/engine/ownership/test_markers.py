"""A workspace never changes what another one owns; an unmanaged resource that differs needs `--adopt`."""

from __future__ import annotations

from reconciler.model.address import Address
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_ca,
    make_device,
    make_state,
    plan_state,
)

IMPORT_WITH_ADOPT = "{0}: already exists and is not managed by this workspace; import it with --adopt {0}"


def test_a_resource_of_another_workspace_is_rejected_with_the_name_of_its_owner(cloud):
    converge(make_state(make_ca(), *make_device("a"), workspace="one"), cloud)
    _, thing = make_device("a", site="oslo")
    assert get_rejection_reasons(make_state(thing, workspace="two"), cloud) == [
        "things.a: belongs to the workspace 'one', not to 'two'",
    ]


def test_a_certificate_of_another_workspaces_thing_is_not_taken_over(cloud):
    converge(make_state(make_ca(), *make_device("a"), workspace="one"), cloud)
    certificate, _ = make_device("a")
    desired = make_state(certificate, workspace="two")
    assert get_rejection_reasons(desired, cloud) == [
        "certificates.a: belongs to the workspace 'one', not to 'two'",
    ]


def test_an_unmanaged_thing_that_differs_is_imported_only_with_adopt(cloud):
    cloud.iot.create_thing(thingName="a", attributePayload={"attributes": {"site": "bergen"}})
    desired = make_state(make_ca(), *make_device("a", site="oslo"))
    assert get_rejection_reasons(desired, cloud) == [IMPORT_WITH_ADOPT.format("things.a")]
    assert plan_state(desired, cloud, adopt=[Address("things", "a")]).counts["update"] == 1


def test_an_unmanaged_resource_is_never_deleted(cloud):
    cloud.iot.create_thing(thingName="unmanaged")
    converge(make_state(make_ca(), *make_device("a")), cloud)
    converge(make_state(), cloud)
    assert list(cloud.read_content()["things"]) == ["unmanaged"]


def test_a_certificate_that_an_unmanaged_thing_has_too_is_not_deleted(cloud):
    converge(make_state(make_ca(), *make_device("a")), cloud)
    (principal,) = cloud.iot.list_thing_principals(thingName="a")["principals"]
    cloud.iot.create_thing(thingName="unmanaged")
    cloud.iot.attach_thing_principal(thingName="unmanaged", principal=principal)
    converge(make_state(make_ca()), cloud)
    content = cloud.read_content()
    assert (list(content["things"]), list(content["certificates"])) == (
        ["unmanaged"],
        [principal.rpartition("/")[2]],
    )
