"""Invalid `[workspace]` tables."""

from tests.engine.load.invalid.case import InvalidCase

CASES = (
    InvalidCase(
        "a workspace table is required",
        """
        [things.pump-1]
        """,
        """
        desired_state.toml:1: error: the [workspace] table is missing; expected a [workspace] with a name
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "a workspace needs a name",
        """
        [workspace]
        target = "embedded"
        """,
        """
        desired_state.toml:1: error: workspace.name: required key is missing; expected a string
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "only one file may declare the workspace",
        """
        [workspace]
        name = "greenhouse"
        """,
        """
        more.toml:3: error: workspace: already declared at desired_state.toml:1; expected one [workspace] for all files
        """,
        other_files={"more.toml": '# more\n\n[workspace]\nname = "other"\n'},
        is_folder=True,
        add_workspace=False,
    ),
    InvalidCase(
        "a workspace is a table",
        """
        workspace = "greenhouse"
        """,
        """
        desired_state.toml:1: error: workspace: got the string 'greenhouse'; expected a table [workspace]
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "the workspace's name must be usable in a thing group's name",
        """
        [workspace]
        name = "green house"
        """,
        """
        desired_state.toml:2: error: workspace.name: the workspace's thing group would be named 'reconciler-green house', which AWS does not accept; expected a match of [a-zA-Z0-9:_-]+
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "the workspace's name must leave room for the prefix of its thing group",
        """
        [workspace]
        name = "NAME118"
        """.replace("NAME118", "n" * 118),
        """
        desired_state.toml:2: error: workspace.name: the name of the workspace's thing group would have 129 characters; expected at most 128
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "the workspace's name must not be empty",
        """
        [workspace]
        name = ""
        """,
        """
        desired_state.toml:2: error: workspace.name: the name is empty; expected a name
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "unknown keys and wrong types are reported with what is valid",
        """
        [workspace]
        name = 5
        regoin = "eu-west-1"
        target = ["aws"]

        [workspace.limits]
        delete_percent = "20"
        replace_percent = 2.5
        remove_percent = 1
        """,
        """
        desired_state.toml:2: error: workspace.name: got the integer 5; expected a string
        desired_state.toml:3: error: workspace.regoin: unknown key; did you mean 'region'?
        desired_state.toml:4: error: workspace.target: got an array; expected a string
        desired_state.toml:7: error: workspace.limits.delete_percent: got the string '20'; expected an integer
        desired_state.toml:8: error: workspace.limits.replace_percent: got the number 2.5; expected an integer
        desired_state.toml:9: error: workspace.limits.remove_percent: unknown key; did you mean 'replace_percent'?
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "a target is `embedded`, `aws` or a URL",
        """
        [workspace]
        name = "greenhouse"
        target = "embeded"
        """,
        """
        desired_state.toml:3: error: workspace.target: 'embeded' is not a valid target; expected one of 'embedded', 'aws' or a URL such as "http://127.0.0.1:4566"; did you mean 'embedded'?
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "a target URL has the scheme http or https",
        """
        [workspace]
        name = "greenhouse"
        target = "ftp://127.0.0.1:4566"
        """,
        """
        desired_state.toml:3: error: workspace.target: the URL is not valid; expected one of 'embedded', 'aws' or a URL such as "http://127.0.0.1:4566"
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "credentials in a target URL are rejected and not revealed",
        """
        [workspace]
        name = "greenhouse"
        target = "https://admin:hunter2@localhost:4566"
        """,
        """
        desired_state.toml:3: error: workspace.target: the URL contains credentials; expected a URL without credentials (boto3 finds credentials by itself)
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "settings for the target aws are rejected for other targets, and an invalid region for every target",
        """
        [workspace]
        name = "greenhouse"
        region = "Ireland"
        profile = "factory"
        role_arn = "arn:aws:iam::123456789012:role/deploy"
        external_id = "x"
        """,
        """
        desired_state.toml:3: error: workspace.region: 'Ireland' is not a valid region; expected a region such as 'eu-west-1'
        desired_state.toml:4: error: workspace.profile: valid only with target = 'aws'; remove it or change the target
        desired_state.toml:5: error: workspace.role_arn: valid only with target = 'aws'; remove it or change the target
        desired_state.toml:6: error: workspace.external_id: valid only with target = 'aws'; remove it or change the target
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "role_arn takes an ARN",
        """
        [workspace]
        name = "greenhouse"
        target = "aws"
        role_arn = "deploy"
        """,
        """
        desired_state.toml:4: error: workspace.role_arn: 'deploy' is not a valid role ARN; expected an ARN such as 'arn:aws:iam::123456789012:role/deploy'
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "an external ID requires a role",
        """
        [workspace]
        name = "greenhouse"
        target = "aws"
        external_id = "x"
        """,
        """
        desired_state.toml:4: error: workspace.external_id: valid only with a role_arn; add role_arn or remove external_id
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "prune is owned or never",
        """
        [workspace]
        name = "greenhouse"
        prune = "sometimes"
        """,
        """
        desired_state.toml:3: error: workspace.prune: 'sometimes' is not valid; expected one of 'owned', 'never'
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "limits in percent are between 0 and 100",
        """
        [workspace]
        name = "greenhouse"
        limits = { delete_percent = 101, replace_percent = -1 }
        """,
        """
        desired_state.toml:3: error: workspace.limits.delete_percent: 101 is out of range; expected 0 to 100
        desired_state.toml:3: error: workspace.limits.replace_percent: -1 is out of range; expected 0 to 100
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "limits are percentages or counts, of the workspace or of a kind",
        """
        [workspace]
        name = "greenhouse"

        [workspace.limits]
        delete_count = -1
        replace_counts = 1
        policies = 3

        [workspace.limits.things]
        delete_percent = 120
        delete_cnt = 3

        [workspace.limits.thing]
        delete_count = 3
        """,
        """
        desired_state.toml:5: error: workspace.limits.delete_count: -1 is out of range; expected 0 or more
        desired_state.toml:6: error: workspace.limits.replace_counts: unknown key; did you mean 'replace_count'?
        desired_state.toml:7: error: workspace.limits.policies: got the integer 3; expected a table
        desired_state.toml:10: error: workspace.limits.things.delete_percent: 120 is out of range; expected 0 to 100
        desired_state.toml:11: error: workspace.limits.things.delete_cnt: unknown key; did you mean 'delete_count'?
        desired_state.toml:13: error: workspace.limits.thing: unknown key; did you mean 'things'?
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "while a quota is not a finite number, unknown operations and rates of 0 are not reported",
        """
        [workspace]
        name = "greenhouse"

        [workspace.quotas.iot]
        CreateThings = 100
        CreateThing = 0
        default = 5
        UpdateThing = true
        DeleteThing = inf

        [workspace.quotas.sqs]
        SendMessage = 10
        """,
        """
        desired_state.toml:8: error: workspace.quotas.iot.UpdateThing: got true; expected a number
        desired_state.toml:9: error: workspace.quotas.iot.DeleteThing: got the number inf; expected a finite number
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "unknown services and operations and a rate of 0 are reported",
        """
        [workspace]
        name = "greenhouse"
        quotas.iot.CreateThings = 100
        quotas.iot.CreateThing = 0
        quotas.io.CreateThing = 1
        quotas.sqs.SendMessage = 10
        """,
        """
        desired_state.toml:3: error: workspace.quotas.iot.CreateThings: iot has no such operation; did you mean 'CreateThing'?
        desired_state.toml:4: error: workspace.quotas.iot.CreateThing: the rate 0 is out of range; expected a number of calls per second that is greater than 0
        desired_state.toml:5: error: workspace.quotas.io: unknown service; did you mean 'iot'?
        desired_state.toml:6: error: workspace.quotas.sqs: unknown service; expected one of 'iot', 'iot-managed-integrations'
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "an invalid setting hides only the problems of settings that depend on it",
        """
        [workspace]
        name = "green house"
        target = 5
        profile = "factory"
        region = "Ireland"
        limits = { delete_percent = 101 }
        """,
        """
        desired_state.toml:2: error: workspace.name: the workspace's thing group would be named 'reconciler-green house', which AWS does not accept; expected a match of [a-zA-Z0-9:_-]+
        desired_state.toml:3: error: workspace.target: got the integer 5; expected a string
        desired_state.toml:5: error: workspace.region: 'Ireland' is not a valid region; expected a region such as 'eu-west-1'
        desired_state.toml:6: error: workspace.limits.delete_percent: 101 is out of range; expected 0 to 100
        """,
        add_workspace=False,
    ),
)
