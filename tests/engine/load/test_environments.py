"""Environments: their settings, which of them is chosen, and their resources."""

from __future__ import annotations

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load_environments
from reconciler.model.address import Address
from reconciler.model.environment import Variable
from reconciler.model.errors import SelectionError
from tests.support.environment_files import (
    ONE_THING,
    TWO_ENVIRONMENTS,
    choose,
    load_report,
    load_state,
    write,
)


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
        selected = load_environments(
            tmp_path / "desired_state.toml", constraints=ServiceModelConstraints(), environ={}
        )
        assert [(item.name, item.after, item.settings.region) for item in selected.environments] == [
            ("staging", (), None),
            ("prod-222222222222", ("staging",), "eu-west-1"),
            ("prod-333333333333", ("staging",), "us-east-1"),
        ]
        production = selected.environments[1]
        assert production.settings.role_arn == "arn:aws:iam::222222222222:role/reconciler"
        assert production.variables == (
            Variable("role", "string", "222222222222/{var.role}", "[environments.prod-222222222222]"),
        )
        assert production.sources["region"] == "[environments.prod-222222222222]"

    def test_an_environment_on_the_embedded_registry_has_an_account_of_its_own(self, tmp_path):
        write(tmp_path, {"desired_state.toml": TWO_ENVIRONMENTS})
        path = tmp_path / "desired_state.toml"
        dev, prod = load_environments(path, constraints=ServiceModelConstraints(), environ={}).environments
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
        state = load_state(tmp_path, {"desired_state.toml": ONE_THING}, choose(name), **environ)
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
        text = ONE_THING.replace("default = true", "")
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
        text = ONE_THING + '[things.rig]\nenvironments = ["d*"]\n'
        files = {"desired_state.toml": text}
        assert Address("things", "rig") in load_state(tmp_path, files, choose("dev")).resources
        assert Address("things", "rig") not in load_state(tmp_path, files, choose("prod")).resources

    def test_environments_of_a_resource_that_match_nothing_are_an_error(self, tmp_path):
        text = ONE_THING + '[things.rig]\nenvironments = ["dev", "porduction"]\n'
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


class TestDigest:
    def test_the_digest_depends_on_the_environment_and_on_the_values_that_are_used(self, tmp_path):
        files = {"desired_state.toml": ONE_THING}
        digests = {
            load_state(tmp_path, files, choice).digest
            for choice in (choose("dev"), choose("prod"), choose("dev", rate="2"), choose("dev", site="x"))
        }
        assert len(digests) == 4
        assert load_state(tmp_path, files, choose("dev")).digest in digests
