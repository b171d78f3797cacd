"""Variables: where their values come from, and their types."""

from __future__ import annotations

import pytest

from reconciler.model.errors import SelectionError
from tests.support.environment_files import (
    ONE_THING,
    choose,
    get_attributes,
    load_report,
    load_state,
    load_warnings,
)


class TestVariables:
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
        state = load_state(tmp_path, {"desired_state.toml": ONE_THING}, choice, **environ)
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
                "desired_state.toml:6: error: variables.missing: the variable has no value; expected a default, "
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
            load_state(tmp_path, {"desired_state.toml": ONE_THING}, choice, **environ)
        assert caught.value.problems == (problem,)
