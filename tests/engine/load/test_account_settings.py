"""Account settings in the file: tables that an account has once."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address
from tests.support.environment_files import load_report, load_state

INDEXING = Address.parse("account.indexing")


def load(tmp_path, text):
    return load_state(tmp_path, {"desired_state.toml": f'[workspace]\nname = "ws"\n{text}'})


def test_a_section_is_a_resource_whose_address_is_its_header(tmp_path):
    state = load(tmp_path, '[account.indexing]\nthing_indexing_mode = "REGISTRY"\n')
    assert {
        str(address): resource.spec.thing_indexing_mode for address, resource in state.resources.items()
    } == {"account.indexing": "REGISTRY"}


def test_dynamic_groups_and_fleet_metrics_depend_on_the_indexing_of_the_file(tmp_path):
    resources = """
        [dynamic_thing_groups.a]
        query_string = "thingName:a*"
        [fleet_metrics.a]
        query_string = "*"
        aggregation_type = { name = "Statistics", values = ["count"] }
        aggregation_field = "registry.version"
        period = 60
        [things.a]
        """
    state = load(tmp_path, f"{resources}\n[account.indexing]\n")
    assert [
        str(address) for address, resource in state.resources.items() if INDEXING in resource.dependencies
    ] == [
        "dynamic_thing_groups.a",
        "fleet_metrics.a",
    ]
    assert not any(
        INDEXING in resource.dependencies for resource in load(tmp_path, resources).resources.values()
    )


SECTIONS = "expected a table [account.audit] or [account.default_authorizer] or [account.encryption] or [account.events] or [account.hub] or [account.indexing] or [account.logging] or [account.managed_encryption]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[account.indexign]",
            f"1: error: account.indexign: unknown account settings; {SECTIONS}; did you mean 'account.indexing'?",
        ),
        ("account = 1", f"1: error: account: got the integer 1; {SECTIONS}"),
        (
            "[account]\nindexing = 1",
            "2: error: account.indexing: got the integer 1; expected a table [account.indexing]",
        ),
        (
            "[account.indexing]\nfor_each = [{ a = 1 }]",
            "2: error: account.indexing.for_each: not valid here: an account has these settings once; remove it",
        ),
        (
            "[account.indexing]\nthing_indexing = 'OFF'",
            "2: error: account.indexing.thing_indexing: unknown key; did you mean 'thing_indexing_mode'?",
        ),
        (
            "[account.indexing]\ndepends_on = ['dynamic_thing_groups.a']\n[dynamic_thing_groups.a]\nquery_string='*'",
            (
                "1: error: account.indexing: dependency cycle: account.indexing → dynamic_thing_groups.a → account.indexing; "
                "remove one of these dependencies"
            ),
        ),
        (
            "[[removed]]\nfrom = 'account.indexign'\ndestroy = false",
            "2: error: removed[0].from: unknown kind 'account.indexign'; did you mean 'account.indexing'?",
        ),
    ],
)
def test_a_mistake_in_account_settings_is_reported_at_its_place(tmp_path, text, problem):
    report = load_report(tmp_path, f'{text}\n[workspace]\nname = "ws"\n')
    assert report == [f"desired_state.toml:{problem}"]
