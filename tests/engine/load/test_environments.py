"""Variables, environments, included files and names in braces: one file for many accounts and Regions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load, load_environments
from reconciler.model.address import Address
from reconciler.model.environment import EnvironmentChoice, Variable
from reconciler.model.errors import InvalidDesiredStateError, SelectionError
from reconciler.model.plan import Target
from reconciler.model.settings import DesiredState, Settings
from tests.support.json_schema_validation import assert_schema_accepts

TARGET = Target("aws", "eu-west-1", "111111111111")

TWO_ENVIRONMENTS = """
[workspace]
name = "greenhouse"

[variables]
site = "oslo"
rate = { type = "integer", description = "Messages a second" }

[environments.dev]
default = true
variables = { rate = 1 }

[environments.prod]
account = "222222222222"
region = "us-east-1"
variables = { rate = 9, site = "bergen" }
"""


def load_state(
    folder: Path, files: Mapping[str, str], choice: EnvironmentChoice | None = None, **environ: str
) -> DesiredState:
    """Write files, and load `desired_state.toml` for an environment."""
    write(folder, files)
    path = folder / "desired_state.toml"
    state = load(
        path,
        constraints=ServiceModelConstraints(),
        environ=environ,
        choice=choice or EnvironmentChoice(),
        find_target=lambda _settings: TARGET,
    )
    assert_schema_accepts(path)
    return state


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text))


def load_report(folder: Path, text: str, choice: EnvironmentChoice | None = None) -> list[str]:
    """Return the errors of a desired state, as text."""
    with pytest.raises(InvalidDesiredStateError) as caught:
        load_state(folder, {"desired_state.toml": text}, choice)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def load_warnings(folder: Path, text: str) -> list[str]:
    return [str(warning) for warning in load_state(folder, {"desired_state.toml": text}).warnings]


def get_attributes(state: DesiredState, name: str) -> Mapping[str, Any]:
    attributes: Mapping[str, Any] = state.resources[Address("things", name)].spec.attributes
    return attributes


def choose(name: str | None = None, **variables: str) -> EnvironmentChoice:
    return EnvironmentChoice(name, variables)


class TestVariables:
    THING = TWO_ENVIRONMENTS + '[things.a]\nattributes = { site = "{var.site}", rate = "{var.rate}" }\n'

    @pytest.mark.parametrize(
        ("choice", "environ", "site"),
        [
            (choose("dev"), {}, "oslo"),
            (choose("prod"), {}, "bergen"),
            (choose("prod"), {"RECONCILER_VAR_site": "rome"}, "rome"),
            (choose("prod", site="paris"), {"RECONCILER_VAR_site": "rome"}, "paris"),
        ],
    )
    def test_option_environment_variable_environment_and_default_count_in_this_order(
        self, tmp_path, choice, environ, site
    ):
        state = load_state(tmp_path, {"desired_state.toml": self.THING}, choice, **environ)
        assert get_attributes(state, "a")["site"] == site

    def test_a_variable_keeps_its_type_where_it_is_the_whole_text(self, tmp_path):
        text = """
            [workspace]
            name = "greenhouse"
            limits = { delete_percent = "{var.percent}" }
            [variables]
            percent = 5
            default = true
            name = { type = "string" }
            [things.a]
            attributes = { percent = "{var.percent}", text = "a{var.percent}" }
            [ca_certificates.missing]
            """
        state = load_state(
            tmp_path,
            {
                "desired_state.toml": text.replace("[ca_certificates.missing]", "")
                .replace("default = true", "")
                .replace('name = { type = "string" }', "")
            },
        )
        assert state.settings.limits.delete_percent == 5
        assert get_attributes(state, "a") == {"percent": "5", "text": "a5"}

    def test_each_wrong_variable_is_reported_in_its_place(self, tmp_path):
        text = """
            [workspace]
            name = "{var.nmae}"
            [variables]
            name = "a"
            missing = { type = "string" }
            bad-name = 1
            list = [1]
            type = { type = "text" }
            both = { type = "integer", default = "x", extra = 1 }
            [environments.dev]
            variables = { nam = "x", name = 5 }
            """
        assert load_report(tmp_path, text, choose("dev")) == [
            (
                "desired_state.toml:3: error: workspace.name: there is no variable 'nmae'; did you mean 'var.name'?"
            ),
            (
                "desired_state.toml:6: error: variables.missing: the variable has no value in environment 'dev'; expected a default, "
                "--var missing=VALUE, RECONCILER_VAR_missing or variables in [environments.dev]"
            ),
            (
                "desired_state.toml:7: error: variables.bad-name: 'bad-name' is not a valid name of a variable; expected letters, digits "
                "and _, not starting with a digit"
            ),
            (
                "desired_state.toml:8: error: variables.list: got an array; expected a default, or a table such as "
                '{ type = "string", description = "…" }'
            ),
            (
                "desired_state.toml:9: error: variables.type.type: got the string 'text'; expected one of 'string', 'integer', "
                "'number', 'boolean'"
            ),
            "desired_state.toml:10: error: variables.both.extra: unknown key; expected one of 'type', 'description', 'default'",
            "desired_state.toml:12: error: environments.dev.variables.nam: there is no such variable; did you mean 'name'?",
            "desired_state.toml:12: error: environments.dev.variables.name: got the integer 5; expected a string",
        ]

    def test_an_unused_variable_is_a_warning(self, tmp_path):
        text = '[workspace]\nname = "greenhouse"\n[variables]\nunused = 1\n'
        assert load_warnings(tmp_path, text) == [
            (
                "desired_state.toml:4: warning: variables.unused: the variable is not used; remove it, or write {var.unused} where its "
                "value belongs"
            )
        ]

    @pytest.mark.parametrize(
        ("choice", "environ", "problem"),
        [
            (choose("dev", sit="x"), {}, "--var sit: there is no such variable; did you mean 'site'?"),
            (choose("dev", rate="x"), {}, "--var rate: 'x' is not valid; expected an integer"),
            (
                choose("dev"),
                {"RECONCILER_VAR_rate": "1.5"},
                "RECONCILER_VAR_rate: '1.5' is not valid; expected an integer",
            ),
        ],
    )
    def test_a_wrong_choice_of_a_variable_is_an_error(self, tmp_path, choice, environ, problem):
        with pytest.raises(SelectionError) as caught:
            load_state(tmp_path, {"desired_state.toml": self.THING}, choice, **environ)
        assert caught.value.problems == (problem,)


class TestEnvironments:
    def test_settings_of_an_environment_replace_those_of_the_workspace(self, tmp_path):
        text = """
            [workspace]
            name = "greenhouse"
            region = "eu-west-1"
            limits = { delete_percent = 1, replace_percent = 2 }
            [environments.dev]
            region = "us-east-1"
            limits = { delete_percent = 50 }
            """
        settings = load_state(tmp_path, {"desired_state.toml": text}, choose("dev")).settings
        assert settings.region == "us-east-1"
        assert (settings.limits.delete_percent, settings.limits.replace_percent) == (50, 2)

    def test_each_row_of_for_each_is_an_environment(self, tmp_path):
        files = {
            "desired_state.toml": """
                [workspace]
                name = "greenhouse"
                [variables]
                role = { type = "string" }
                [environments.staging]
                variables = { role = "none" }
                [environments."prod-{account}"]
                for_each = { file = "accounts.csv" }
                target = "aws"
                role_arn = "arn:aws:iam::{account}:role/reconciler"
                region = "{row.region}"
                variables = { role = "{account}/{var}" }
                after = ["stag*"]
                """,
            "accounts.csv": "account,region,var\n222222222222,eu-west-1,{var.role}\n333333333333,us-east-1,b\n",
        }
        write(tmp_path, files)
        environments = load_environments(
            tmp_path / "desired_state.toml", constraints=ServiceModelConstraints(), environ={}
        )
        assert [(item.name, item.after, item.settings.region) for item in environments] == [
            ("staging", (), None),
            ("prod-222222222222", ("staging",), "eu-west-1"),
            ("prod-333333333333", ("staging",), "us-east-1"),
        ]
        production = environments[1]
        assert production.settings.role_arn == "arn:aws:iam::222222222222:role/reconciler"
        assert production.variables == (
            Variable("role", "string", "222222222222/{var.role}", "[environments.prod-222222222222]"),
        )
        assert production.sources["region"] == "[environments.prod-222222222222]"

    def test_an_environment_on_the_embedded_registry_has_an_account_of_its_own(self, tmp_path):
        write(tmp_path, {"desired_state.toml": TWO_ENVIRONMENTS})
        path = tmp_path / "desired_state.toml"
        dev, prod = load_environments(path, constraints=ServiceModelConstraints(), environ={})
        assert dev.settings.account
        assert len(dev.settings.account) == 12
        assert (prod.settings.account, prod.settings.region) == ("222222222222", "us-east-1")

    @pytest.mark.parametrize(
        ("name", "environ", "selected"),
        [
            (None, {}, "dev"),
            (None, {"RECONCILER_ENV": "prod"}, "prod"),
            ("dev", {"RECONCILER_ENV": "prod"}, "dev"),
            ("p*", {}, "prod"),
        ],
    )
    def test_the_option_counts_more_than_the_environment_variable_and_the_default(
        self, tmp_path, name, environ, selected
    ):
        state = load_state(tmp_path, {"desired_state.toml": TestVariables.THING}, choose(name), **environ)
        assert state.environment
        assert state.environment.name == selected

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("pord", "no environment matches 'pord'; did you mean 'prod'?"),
            ("*", "'*' matches 2 environments: dev, prod; expected one"),
            (
                None,
                "the file has environments, and none is selected; choose one of dev, prod with --env NAME",
            ),
        ],
    )
    def test_a_choice_that_is_not_one_environment_is_an_error(self, tmp_path, name, problem):
        text = TestVariables.THING.replace("default = true", "")
        with pytest.raises(SelectionError) as caught:
            load_state(tmp_path, {"desired_state.toml": text}, choose(name))
        assert caught.value.problems == (problem,)

    def test_a_file_without_environments_rejects_the_choice_of_one(self, tmp_path):
        with pytest.raises(SelectionError, match=r"declares no environments.*add \[environments\.NAME\]"):
            load_state(tmp_path, {"desired_state.toml": '[workspace]\nname = "a"\n'}, choose("dev"))

    def test_two_environments_that_are_the_same_workspace_are_refused(self, tmp_path):
        text = """
            [workspace]
            name = "greenhouse"
            account = "222222222222"
            [environments.one]
            [environments.two]
            [environments.three]
            name = "other"
            """
        assert load_report(tmp_path, text, choose("three")) == [
            (
                "desired_state.toml:6: error: environments.two: is the same workspace as environment 'one': 'greenhouse' in the same "
                "account and Region, so each would delete the other's resources; expected another account, region or workspace name"
            )
        ]

    def test_each_wrong_environment_is_reported_in_its_place(self, tmp_path):
        text = """
            [workspace]
            name = "greenhouse"
            [environments]
            flat = 5
            [environments."a*"]
            [environments.first]
            after = ["secnd", 3]
            [environments.second]
            after = ["third"]
            regoin = "eu-west-1"
            default = 1
            [environments.third]
            after = ["second"]
            account = "12"
            variables = 7
            """
        assert load_report(tmp_path, text, choose("third")) == [
            "desired_state.toml:5: error: environments.flat: got the integer 5; expected a table [environments.NAME]",
            (
                "desired_state.toml:6: error: environments.a*: 'a*' is not a valid name of an environment; expected printable characters "
                "other than *, ?, [, ] and the comma"
            ),
            "desired_state.toml:8: error: environments.first.after[0]: 'secnd' matches no environment; did you mean 'second'?",
            (
                "desired_state.toml:8: error: environments.first.after[1]: got the integer 3; expected the name of an environment or "
                "a glob"
            ),
            (
                "desired_state.toml:10: error: environments.second.after: the environments second, third wait for each other; remove one "
                "of these entries"
            ),
            "desired_state.toml:12: error: environments.second.default: got the integer 1; expected true or false",
            "desired_state.toml:15: error: environments.third.account: '12' is not a valid account ID; expected 12 digits",
            "desired_state.toml:16: error: environments.third.variables: got the integer 7; expected a table",
        ]


class TestResources:
    def test_a_resource_exists_only_in_its_environments(self, tmp_path):
        text = TestVariables.THING + '[things.rig]\nenvironments = ["d*"]\n'
        files = {"desired_state.toml": text}
        assert Address("things", "rig") in load_state(tmp_path, files, choose("dev")).resources
        assert Address("things", "rig") not in load_state(tmp_path, files, choose("prod")).resources

    def test_environments_of_a_resource_that_match_nothing_are_an_error(self, tmp_path):
        text = TestVariables.THING + '[things.rig]\nenvironments = ["dev", "porduction"]\n'
        assert load_report(tmp_path, text, choose("dev")) == [
            "desired_state.toml:20: error: things.rig.environments[1]: 'porduction' matches no environment; expected a name or glob of dev, prod"
        ]

    def test_environments_of_a_resource_need_environments_in_the_file(self, tmp_path):
        text = '[workspace]\nname = "a"\n[things.rig]\nenvironments = ["dev"]\n'
        assert load_report(tmp_path, text) == [
            (
                "desired_state.toml:4: error: things.rig.environments: the file declares no environments; add [environments.NAME], or "
                "remove the key"
            )
        ]


class TestNamesInBraces:
    def test_names_are_replaced_in_keys_texts_and_documents(self, tmp_path):
        files = {
            "desired_state.toml": TWO_ENVIRONMENTS
            + """
[policies."{var.site}-file"]
document = { file = "policy.json" }
[policies."{var.site}-text"]
document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:{aws.region}:{aws.account}:topic/${iot:ClientId}/{var.site}"}]}'
[things."{environment.name}-{workspace.name}"]
attributes = { partition = "{aws.partition}", "{var.site}" = "{var.rate}" }
[thing_groups.g]
description = "{{var.site}} {site} {var.site}"
""",
            "policy.json": '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": '
            '"arn:aws:iot:{aws.region}:{aws.account}:topic/${iot:ClientId}/{var.site}"}]}',
        }
        state = load_state(tmp_path, files)
        resource = "arn:aws:iot:eu-west-1:111111111111:topic/${iot:ClientId}/oslo"
        for name in ("oslo-file", "oslo-text"):
            document = state.resources[Address("policies", name)].spec.document
            assert document.value["Statement"][0]["Resource"] == resource
        assert get_attributes(state, "dev-greenhouse") == {
            "partition": "aws",
            "oslo": "1",
        }
        assert state.resources[Address("thing_groups", "g")].spec.description == "{var.site} {site} oslo"

    def test_a_value_cannot_change_the_structure_of_a_document(self, tmp_path):
        hostile = 'x"}}, "Sid": "injected", "y": {"z": {"a": "{var.rate}'
        document = (
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Receive", "Resource": "*", '
            '"Condition": {"StringEquals": {"iot:ClientId": "{var.site}"}}}]}'
        )
        files = {
            "desired_state.toml": TWO_ENVIRONMENTS
            + f"[policies.file]\ndocument = {{ file = \"p.json\" }}\n[policies.text]\ndocument = '{document}'\n"
            + '[things.a]\nattributes = { rate = "{var.rate}" }\n',
            "p.json": document,
        }
        state = load_state(tmp_path, files, choose(site=hostile))
        for name in ("file", "text"):
            (statement,) = state.resources[Address("policies", name)].spec.document.value["Statement"]
            assert statement["Condition"] == {"StringEquals": {"iot:ClientId": hostile}}
            assert "Sid" not in statement

    def test_a_row_of_for_each_fills_the_document_of_a_file(self, tmp_path):
        files = {
            "desired_state.toml": """
                [workspace]
                name = "greenhouse"
                [policies."p-{serial}"]
                for_each = [{ serial = "1" }, { serial = "2" }]
                document = { file = "p.json" }
                """,
            "p.json": '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": '
            '"arn:aws:iot:{aws.region}:{aws.account}:topic/{row.serial}/${iot:ClientId}/{serial}"}]}',
        }
        state = load_state(tmp_path, files)
        resources = [
            state.resources[Address("policies", f"p-{serial}")].spec.document.value["Statement"][0][
                "Resource"
            ]
            for serial in "12"
        ]
        prefix = "arn:aws:iot:eu-west-1:111111111111:topic/"
        assert resources == [f"{prefix}{serial}/${{iot:ClientId}}/{{serial}}" for serial in "12"]
        assert [warning.problem for warning in state.warnings] == [
            "'p.json': {serial} is not replaced, although 'serial' is a column"
        ]

    def test_each_unknown_name_is_reported_in_its_place(self, tmp_path):
        files = {
            "desired_state.toml": TWO_ENVIRONMENTS
            + """
[things.a]
attributes = { a = "{var.sit}", b = "{aws.acount}", c = "{row.x}", d = "{var.rate}{workspace.nam}" }
[policies.p]
document = { file = "p.json" }
""",
            "p.json": '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": "{environment.nam}"}]}',
        }
        with pytest.raises(InvalidDesiredStateError) as caught:
            load_state(tmp_path, files)
        errors = [item for item in caught.value.diagnostics if item.severity == "error"]
        assert [str(error).partition("error: ")[2] for error in errors] == [
            "things.a.attributes.a: there is no variable 'sit'; did you mean 'var.site'?",
            "things.a.attributes.b: there is no name 'acount' in aws; did you mean 'aws.account'?",
            "things.a.attributes.c: {row.x} cannot be used here; only a table with for_each has rows",
            "things.a.attributes.d: there is no name 'nam' in workspace; did you mean 'workspace.name'?",
            "policies.p.document: 'p.json': there is no name 'nam' in environment; did you mean 'environment.name'?",
        ]

    def test_settings_cannot_use_what_they_decide(self, tmp_path):
        text = '[workspace]\nname = "a-{aws.account}-{workspace.name}"\n'
        assert load_report(tmp_path, text) == [
            (
                "desired_state.toml:2: error: workspace.name: {aws.account} cannot be used here; [workspace] and [environments] decide it"
            ),
            (
                "desired_state.toml:2: error: workspace.name: {workspace.name} cannot be used here; [workspace] and [environments] decide it"
            ),
        ]

    def test_the_account_is_not_looked_up_for_a_file_that_does_not_use_it(self, tmp_path):
        write(tmp_path, {"desired_state.toml": TestVariables.THING})

        def fail(settings: Settings) -> Target:
            raise AssertionError(settings)

        constraints = ServiceModelConstraints()
        load(tmp_path / "desired_state.toml", constraints=constraints, environ={}, find_target=fail)


class TestInclude:
    MAIN = '[workspace]\nname = "greenhouse"\ninclude = ["../common"]\n[things.a]\nattributes = { f = "{var.f}" }\n'

    def test_included_files_are_read_from_their_own_folder(self, tmp_path):
        (tmp_path / ".git").mkdir()
        files = {
            "desired_state.toml": self.MAIN,
            "../common/x.toml": '[variables]\nf = "1"\n[thing_groups.g]\ndescription = { file = "d.txt" }\n',
            "../common/d.txt": "text",
        }
        (tmp_path / "app").mkdir()
        state = load_state(tmp_path / "app", files)
        assert state.resources[Address("thing_groups", "g")].spec.description == "text"
        assert state.resources[Address("thing_groups", "g")].origin.file == "../common/x.toml"

    def test_a_folder_outside_the_repository_needs_permission(self, tmp_path):
        (tmp_path / "app").mkdir()
        files = {"desired_state.toml": self.MAIN, "../common/x.toml": '[variables]\nf = "1"\n'}
        with pytest.raises(InvalidDesiredStateError, match="--allow-outside DIR"):
            load_state(tmp_path / "app", files)
        choice = EnvironmentChoice(allowed_folders=(tmp_path / "common",))
        assert get_attributes(load_state(tmp_path / "app", files, choice), "a") == {"f": "1"}

    def test_an_included_file_has_neither_workspace_nor_environments(self, tmp_path):
        files = {
            "desired_state.toml": '[workspace]\nname = "a"\ninclude = ["more/x.toml"]\n',
            "more/x.toml": '[workspace]\nname = "b"\n[environments.dev]\n',
        }
        with pytest.raises(InvalidDesiredStateError) as caught:
            load_state(tmp_path, files)
        assert [str(diagnostic) for diagnostic in caught.value.diagnostics] == [
            "more/x.toml:1: error: workspace: an included file cannot have [workspace]; expected it in the main file",
            "more/x.toml:3: error: environments: an included file cannot have [environments]; expected it in the main file",
        ]


class TestDigest:
    def test_the_digest_depends_on_the_environment_and_on_the_values_that_are_used(self, tmp_path):
        files = {"desired_state.toml": TestVariables.THING}
        digests = {
            load_state(tmp_path, files, choice).digest
            for choice in (choose("dev"), choose("prod"), choose("dev", rate="2"), choose("dev", site="x"))
        }
        assert len(digests) == 4
        assert load_state(tmp_path, files, choose("dev")).digest in digests
