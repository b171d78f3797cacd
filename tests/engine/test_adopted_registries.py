"""Registries that other clients filled plan empty after an export and an adoption."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.kinds.shared.ownership_markers import is_marker_name
from tests.support.desired_states import AUTHORITIES, ROLE_ARN, converge, plan_state
from tests.support.examples import examples
from tests.support.exports import export_registry, load_export
from tests.support.odd_edits import EDITS, INLINE_TEMPLATE, make_edited_state, make_edits
from tests.support.odd_registry import ODDITIES
from tests.support.pki import compute_certificate_id
from tests.support.registry_client import Cloud

ROLE_ALONE_ID = compute_certificate_id(AUTHORITIES["beta"].pem)
TRANSFERRED_ID = compute_certificate_id(AUTHORITIES["alpha"].get_device_pem("transferred"))


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


def fill_registry(cloud, names):
    cloud.reset()
    for name in names:
        ODDITIES[name](cloud)


@examples(3)
@given(names=st.lists(st.sampled_from(sorted(ODDITIES)), unique=True))
@example(names=[*ODDITIES])
def test_a_registry_of_other_clients_plans_empty_after_it_is_exported_and_adopted(cloud, names):
    fill_registry(cloud, names)
    before = cloud.read_content()
    desired = load_export(export_registry(cloud))
    converge(desired, cloud, adopt=list(desired.resources))
    assert plan_state(desired, cloud).steps == ()
    assert remove_ownership_markers(cloud.read_content()) == before


@examples(5)
@given(
    template=st.sampled_from([None, "t", INLINE_TEMPLATE]),
    names=st.lists(st.sampled_from(sorted(EDITS)), unique=True, max_size=8),
)
@example(template=None, names=sorted(EDITS))
@example(template=INLINE_TEMPLATE, names=sorted(EDITS, reverse=True))
def test_one_apply_after_any_edits_of_other_clients_leaves_an_empty_plan(cloud, template, names):
    desired = make_edited_state(template)
    converge(desired, cloud.reset())
    make_edits(cloud, names)
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()


def remove_ownership_markers(content):
    """Return the content of a registry without the resources, tags and memberships that record ownership."""
    tables = {
        kind: {name: item for name, item in items.items() if not is_marker_name(name)}
        if isinstance(items, dict)
        else items
        for kind, items in content.items()
    }
    for items in tables.values():
        for item in items.values() if isinstance(items, dict) else ():
            if isinstance(item, dict) and "tags" in item:
                item["tags"] = remove_ownership_tags(item["tags"])
    tables["credential_lockers"] = [
        (name, remove_ownership_tags(tags)) for name, tags in tables["credential_lockers"]
    ]
    for thing in tables["things"].values():
        thing["groups"] = [name for name in thing["groups"] if not name.startswith("reconciler-")]
    return tables


def remove_ownership_tags(tags):
    return {key: value for key, value in tags.items() if not key.startswith("reconciler:")}


def test_an_exported_thing_is_not_in_the_dynamic_groups_that_match_it(cloud):
    """AWS lists the dynamic groups of a thing with its static ones, but no client can add a thing to them."""
    fill_registry(cloud, ["make_dynamic_groups"])
    groups = cloud.iot.list_thing_groups_for_thing(thingName="matching")["thingGroups"]
    assert [group["groupName"] for group in groups] == ["dynamic"]
    (table,) = [table for table in export_registry(cloud).tables if table.address.kind == "things"]
    assert table.fields == {"attributes": {"site": "oslo"}}


def test_an_export_names_everything_that_no_file_can_declare(cloud):
    fill_registry(cloud, ODDITIES)
    export = export_registry(cloud)
    comments = [f"{table.address}: {comment}" for table in export.tables for comment in table.comments]
    assert sorted(comment for comment in comments if "a secret" not in comment) == sorted(EXPECTED_COMMENTS)
    reasons = {  # the IDs of managed things are random
        str(address) if address.kind != "managed_things" else "managed_things": reason
        for address, reason in export.left_out.items()
    }
    assert reasons == EXPECTED_REASONS


EXPECTED_COMMENTS = [
    "provisioning_templates.hooked: versions: the file has only the default version; AWS also keeps 1",
    "policies.odd: versions: the file has only the default version; AWS also keeps 1, 3",
    "dynamic_thing_groups.dynamic: attributes.reconciler:odd: the prefix reconciler: is reserved; plans leave it alone",
    (
        f"ca_certificates.{ROLE_ALONE_ID[:12]}: registrationConfig.roleArn: {ROLE_ARN} has no effect without a template"
    ),
    "certificates.pending: status: it is 'PENDING_ACTIVATION', which a file cannot declare; plans leave it alone",
    (
        "things.second: exclusive: the thing has some of its certificates exclusively, and others not; "
        "plans leave it alone"
    ),
]
EXPECTED_REASONS = {
    f"certificates.{TRANSFERRED_ID[:12]}": "it is being transferred to another account",
    "managed_things": "AWS does not return its authentication_material",
    "policies.broken-0": "its document is not a JSON object that a file can declare",
    "policies.full": ("tags: 50 entries leave no room for the 3 that reconciler adds; expected at most 47"),
    "things.in-ten": (
        "thing_groups: 10 groups and the workspace's own group are more than the 10 that AWS allows; expected at most 9"
    ),
}
