"""Names in braces in texts, documents and settings."""

from __future__ import annotations

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.model.address import Address
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.plan import Target
from reconciler.model.settings import Settings
from tests.support.environment_files import (
    ONE_THING,
    TWO_ENVIRONMENTS,
    choose,
    get_attributes,
    load_report,
    load_state,
    write,
)


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
        write(tmp_path, {"desired_state.toml": ONE_THING})

        def fail(settings: Settings) -> Target:
            raise AssertionError(settings)

        constraints = ServiceModelConstraints()
        load(tmp_path / "desired_state.toml", constraints=constraints, environ={}, find_target=fail)
