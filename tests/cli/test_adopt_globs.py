"""`adopt` and `--adopt` take globs and kinds, which skip resources that are managed already."""

from __future__ import annotations

import csv
import tomllib

import pytest

from reconciler import PlanRejectedError, SelectionError, Workspace
from tests.support.pki import Authority, compute_certificate_id
from tests.support.registry_client import Cloud

WORKSPACE_TABLE = '[workspace]\nname = "greenhouse"\n'
AUTHORITY = Authority("Theirs")
NAMES = tuple(f"pump-{number}" for number in range(6))


@pytest.fixture
def cloud(run, tmp_path):
    """Return a registry with a policy and six unmanaged things with certificates; the file is empty."""
    (tmp_path / "desired_state.toml").write_text(WORKSPACE_TABLE)
    (tmp_path / ".reconciler").mkdir()
    cloud = Cloud(tmp_path / ".reconciler/registry.sqlite3")
    cloud.iot.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    for name in NAMES:
        pem = AUTHORITY.get_device_pem(name)
        arn = cloud.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")["certificateArn"]
        cloud.iot.create_thing(thingName=name, attributePayload={"attributes": {"serial": name[-1]}})
        cloud.iot.attach_policy(policyName="p", target=arn)
        cloud.iot.attach_thing_principal(thingName=name, principal=arn)
    return cloud


def read_tables(tmp_path):
    return tomllib.loads((tmp_path / "desired_state.toml").read_text())


def test_a_glob_adopts_what_it_matches_and_nothing_else(run, tmp_path, cloud):
    assert run("adopt", "*.pump-[01]", "--yes")[0] == 0
    assert {
        kind: sorted(tables) for kind, tables in read_tables(tmp_path).items() if kind != "workspace"
    } == {
        "certificates": ["pump-0", "pump-1"],
        "things": ["pump-0", "pump-1"],
    }
    owned = {name for name, thing in cloud.read_content()["things"].items() if thing["groups"]}
    assert owned == {"pump-0", "pump-1"}
    assert run("plan", "--detailed-exitcode")[0] == 0


def test_adopt_all_imports_everything_and_the_next_plan_is_empty(run, tmp_path, cloud):
    assert run("adopt", "--all", "--yes")[0] == 0
    assert run("plan", "--detailed-exitcode")[0] == 0
    assert sorted(read_tables(tmp_path)["certificates"]) == list(NAMES)
    code, out, err = run("adopt", "--all", "--yes")
    problem = "'*': matches no unmanaged resource, only 16 that need no import; leave it out"
    assert (code, out, err) == (1, "", f"error: nothing was adopted\n  - {problem}\n")


def test_adopt_all_as_a_fleet_writes_one_table_for_alike_devices(run, tmp_path, cloud):
    code, _, err = run("adopt", "--all", "--as-fleet", "--yes")
    assert (code, err.splitlines()[:2]) == (
        0,
        ["wrote things.csv: 6 rows", "adding 6 tables at the end of desired_state.toml"],
    )
    assert list(read_tables(tmp_path)["things"]) == ["{name}"]
    assert run("plan", "--detailed-exitcode")[0] == 0


def test_a_canceled_adoption_as_a_fleet_leaves_no_files(run, tmp_path, cloud):
    assert run("adopt", "--all", "--as-fleet")[0] == 1  # there is no terminal to confirm on
    assert (tmp_path / "desired_state.toml").read_text() == WORKSPACE_TABLE
    assert sorted(path.name for path in tmp_path.iterdir()) == [".reconciler", "desired_state.toml"]


def test_resources_that_a_glob_matches_are_skipped_if_they_are_managed(run, tmp_path, cloud):
    assert run("adopt", "things.pump-0", "--yes")[0] == 0
    code, _, err = run("adopt", "things.*", "--yes")
    assert (code, err.splitlines()[0]) == (0, "adding 5 tables at the end of desired_state.toml")


def test_a_glob_that_matches_nothing_is_an_error_with_the_closest_kind(run, tmp_path, cloud):
    assert run("adopt", "thing.*", "policies", "--yes") == (
        1,
        "",
        "error: nothing was adopted\n  - 'thing.*': matches no resource in the account or in the file; did you mean 'things'?\n",
    )
    assert (tmp_path / "desired_state.toml").read_text() == WORKSPACE_TABLE


@pytest.mark.parametrize("words", [["--all", "things.*"], []])
def test_adopt_needs_either_selectors_or_all(run, cloud, words):
    code, _, err = run("adopt", *words, "--yes")
    problem = "error: name what to adopt: addresses, globs or kinds, or --all for everything"
    assert (code, err.splitlines()[0]) == (1, problem)


# ── plan and apply ──────────────────────────────────────────────────────────────────────────────


def declare(tmp_path, text):
    (tmp_path / "desired_state.toml").write_text(WORKSPACE_TABLE + text)


def test_apply_imports_declared_resources_that_a_glob_matches(run, tmp_path, cloud):
    declare(tmp_path, "".join(_declare_with_certificate(name) for name in NAMES))
    assert run("apply", "--adopt", "things.*", "--yes")[0] == 0
    assert run("plan", "--adopt", "things.pump-0")[0] == 3
    assert run("plan", "--detailed-exitcode")[0] == 0


def _declare_with_certificate(name):
    identity = compute_certificate_id(AUTHORITY.get_device_pem(name))
    fields = f'attributes = {{ serial = "{name[-1]}" }}\ncertificates = [{{ id = "{identity}" }}]\n'
    return f"[things.{name}]\n{fields}"


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (
            "thigs.*",
            "'thigs.*': matches no resource in the file; did you mean 'things'?",
        ),
        (
            "billing_groups.*",
            (
                "'billing_groups.*': matches no resource in the file; "
                "`reconciler adopt 'billing_groups.*'` adds matching resources of the account to the file, too"
            ),
        ),
        ("ne?", "'ne?': matches no resource in the file; did you mean '*.ne?'?"),
        (
            "*.new",
            "'*.new': matches no unmanaged resource, only 1 that do not exist yet; leave it out",
        ),
    ],
)
def test_a_plan_that_adopts_a_glob_without_a_match_explains_why(run, tmp_path, cloud, pattern, problem):
    declare(tmp_path, "[things.new]\n")
    assert run("plan", "--adopt", pattern) == (
        1,
        "",
        f"error: cannot adopt; nothing was sent\n  - {problem}\n",
    )


def test_a_glob_that_matches_what_another_workspace_owns_names_that_workspace(run, tmp_path, cloud):
    cloud.iot.create_billing_group(
        billingGroupName="b", tags=[{"Key": "reconciler:workspace", "Value": "theirs"}]
    )
    declare(tmp_path, "[billing_groups.b]\n")
    problem = (
        "'billing_groups.*': matches no unmanaged resource, only 1 that belong to 'theirs'; "
        "remove these from the file, or forget them there with [[removed]] first"
    )
    assert run("plan", "--adopt", "billing_groups.*") == (
        1,
        "",
        f"error: cannot adopt; nothing was sent\n  - {problem}\n",
    )


def test_the_python_api_takes_globs_and_kinds(run, tmp_path, cloud):
    declare(tmp_path, "".join(map(_declare_with_certificate, NAMES[:2])))
    workspace = Workspace(tmp_path / "desired_state.toml")
    for adopt in (["things.*"], ["things"], ["*"], [f"things.{name}" for name in NAMES[:2]]):
        plan = workspace.plan(adopt=adopt)
        assert plan.options.adopt_patterns == ()
        assert sorted(map(str, plan.options.adopt)) == ["things.pump-0", "things.pump-1"]
    with pytest.raises(SelectionError):
        workspace.plan(adopt=["policies"])


def test_unmanaged_resources_of_many_kinds_have_one_command_for_all(run, tmp_path, cloud):
    cloud.iot.create_billing_group(billingGroupName="b")
    cloud.iot.create_thing_group(thingGroupName="g")
    assert run("export", "--out", "all.toml")[0] == 0
    code, _, err = run("-f", "all.toml", "plan")
    assert (code, err.splitlines()[-1]) == (
        3,
        "  - all 18 resources that are not managed yet can be imported with --adopt '*'",
    )
    assert run("-f", "all.toml", "plan", "--adopt", "*")[0] == 0


def test_many_unmanaged_resources_are_one_error_whose_advice_works(run, tmp_path, cloud):
    for number in range(12):
        cloud.iot.create_thing(thingName=f"t{number}", attributePayload={"attributes": {"a": "b"}})
    declare(tmp_path, "".join(f"[things.t{number}]\n" for number in range(12)))
    code, _, err = run("plan")
    assert (code, err.splitlines()[1]) == (
        3,
        (
            "  - things: 12 already exist and are not managed by this workspace "
            "(things.t0, things.t1, things.t10 and 9 more); import them with --adopt 'things.*'"
        ),
    )
    assert run("plan", "--adopt", "things.*")[0] == 0


# ── what an adopted resource depends on ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (
            "[thing_groups.oslo]\n",
            (
                "depends on thing_groups.oslo, which does not exist yet; "
                "create it first with `reconciler apply --select +thing_groups.oslo`"
            ),
        ),
        (
            '[thing_groups.bergen]\ndescription = "Bergen"\n',
            (
                "depends on thing_groups.bergen, which is not managed by this workspace either; "
                "adopt thing_groups.bergen too"
            ),
        ),
    ],
)
def test_a_missing_dependency_of_an_import_is_not_blamed_on_a_selection(run, tmp_path, cloud, table, reason):
    cloud.iot.create_thing_group(thingGroupName="bergen")
    name = "oslo" if "oslo" in table else "bergen"
    cloud.iot.create_thing(thingName="old", attributePayload={"attributes": {"a": "b"}})
    declare(tmp_path, f'{table}[things.old]\nthing_groups = ["{name}"]\n')
    with pytest.raises(PlanRejectedError) as caught:
        Workspace(tmp_path / "desired_state.toml").plan(adopt=["things.old"], only_adopted=True)
    assert caught.value.reasons == (f"things.old: {reason}",)


def test_a_saved_plan_keeps_what_the_globs_matched(run, tmp_path, cloud):
    declare(tmp_path, _declare_with_certificate("pump-0"))
    assert run("plan", "--adopt", "*", "--out", "p.json")[0] == 0
    assert run("apply", "p.json")[0] == 0
    assert run("plan", "--detailed-exitcode")[0] == 0


def test_names_with_commas_and_quotes_survive_the_csv_file(run, tmp_path, cloud):
    for number in range(5):
        attributes = {"note": f"a,b=[{number}]", "site": "oslo"}
        cloud.iot.create_thing(thingName=f"x:{number}", attributePayload={"attributes": attributes})
    assert run("adopt", "things.x:*", "--as-fleet", "--yes")[0] == 0
    with (tmp_path / "things.csv").open(newline="") as file:
        assert list(csv.reader(file))[1] == ["x:0", "a,b=[0]"]
    assert run("plan", "--detailed-exitcode")[0] == 0


def test_a_certificate_without_a_thing_is_adopted_by_its_id(run, cloud):
    pem = AUTHORITY.get_device_pem("loose")
    cloud.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
    assert run("adopt", f"certificates.{compute_certificate_id(pem)}", "--yes")[0] == 0
    assert run("plan", "--detailed-exitcode")[0] == 0
    assert run("adopt", "certificates", "--yes")[0] == 0
    assert run("plan", "--detailed-exitcode")[0] == 0


def test_a_glob_of_a_plan_skips_managed_resources_that_the_plan_changes(run, tmp_path, cloud):
    declare(tmp_path, _declare_with_certificate("pump-0"))
    assert run("apply", "--adopt", "*", "--yes")[0] == 0
    changed_table = _declare_with_certificate("pump-0").replace("serial", "site")
    declare(tmp_path, changed_table + _declare_with_certificate("pump-1"))
    plan = Workspace(tmp_path / "desired_state.toml").plan(adopt=["things.*"])
    assert set(map(str, plan.options.adopt)) == {"things.pump-1"}
    assert {str(step.address) for step in plan.steps} == {"things.pump-0", "things.pump-1"}
