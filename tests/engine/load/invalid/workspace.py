"""What `[workspace]` must not say."""

from tests.engine.load.invalid.case import Broken

CASES = (
    Broken(
        "there has to be a workspace",
        """
        [things.pump-1]
        """,
        """
        desired_state.toml:1: error: there is no [workspace]; expected a [workspace] with a name
        """,
        workspace=False,
    ),
    Broken(
        "a workspace has to have a name",
        """
        [workspace]
        target = "embedded"
        """,
        """
        desired_state.toml:1: error: workspace.name: missing; expected a string
        """,
        workspace=False,
    ),
    Broken(
        "a workspace is declared once for all files",
        "",
        """
        more.toml:3: error: workspace: declared twice; the first is at desired_state.toml:2; expected one [workspace] for all files
        """,
        beside={"more.toml": '# more\n\n[workspace]\nname = "other"\n'},
        folder=True,
    ),
    Broken(
        "a workspace is a table",
        """
        workspace = "greenhouse"
        """,
        """
        desired_state.toml:1: error: workspace: the string 'greenhouse'; expected a table [workspace]
        """,
        workspace=False,
    ),
    Broken(
        "the workspace's name has to be usable in a thing group's name",
        """
        [workspace]
        name = "green house"
        """,
        """
        desired_state.toml:2: error: workspace.name: not usable in the name of the thing group that marks what is owned: 'reconciler-green house' is not what AWS takes; expected a match of [a-zA-Z0-9:_-]+
        """,
        workspace=False,
    ),
    Broken(
        "the workspace's name has to leave room for what is put before it",
        """
        [workspace]
        name = "NAME118"
        """.replace("NAME118", "n" * 118),
        """
        desired_state.toml:2: error: workspace.name: not usable in the name of the thing group that marks what is owned: 129 characters; expected at most 128
        """,
        workspace=False,
    ),
    Broken(
        "an empty name is no name",
        """
        [workspace]
        name = ""
        """,
        """
        desired_state.toml:2: error: workspace.name: the name is empty; expected a name
        """,
        workspace=False,
    ),
    Broken(
        "unknown keys and wrong types are told with what is valid",
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
        desired_state.toml:2: error: workspace.name: the integer 5; expected a string
        desired_state.toml:3: error: workspace.regoin: unknown key; did you mean 'region'?
        desired_state.toml:4: error: workspace.target: an array; expected a string
        desired_state.toml:7: error: workspace.limits.delete_percent: the string '20'; expected an integer
        desired_state.toml:8: error: workspace.limits.replace_percent: the number 2.5; expected an integer
        desired_state.toml:9: error: workspace.limits.remove_percent: unknown key; did you mean 'replace_percent'?
        """,
        workspace=False,
    ),
    Broken(
        "a target is one of two words or a URL",
        """
        [workspace]
        name = "greenhouse"
        target = "embeded"
        """,
        """
        desired_state.toml:3: error: workspace.target: 'embeded' is not valid; expected one of 'embedded', 'aws' or a URL such as "http://127.0.0.1:4566"; did you mean 'embedded'?
        """,
        workspace=False,
    ),
    Broken(
        "a target URL is http with a host",
        """
        [workspace]
        name = "greenhouse"
        target = "ftp://127.0.0.1:4566"
        """,
        """
        desired_state.toml:3: error: workspace.target: the URL is not usable; expected one of 'embedded', 'aws' or a URL such as "http://127.0.0.1:4566"
        """,
        workspace=False,
    ),
    Broken(
        "credentials in a target URL are refused and not told",
        """
        [workspace]
        name = "greenhouse"
        target = "https://admin:hunter2@localhost:4566"
        """,
        """
        desired_state.toml:3: error: workspace.target: the URL has credentials in it; expected a URL without; boto3 finds the credentials
        """,
        workspace=False,
    ),
    Broken(
        "what is for AWS alone is refused elsewhere",
        """
        [workspace]
        name = "greenhouse"
        region = "Ireland"
        profile = "factory"
        role_arn = "arn:aws:iam::123456789012:role/deploy"
        external_id = "x"
        """,
        """
        desired_state.toml:3: error: workspace.region: 'Ireland' is not a region; expected a region such as 'eu-west-1'
        desired_state.toml:4: error: workspace.profile: only for the target 'aws'
        desired_state.toml:5: error: workspace.role_arn: only for the target 'aws'
        desired_state.toml:6: error: workspace.external_id: only for the target 'aws'
        """,
        workspace=False,
    ),
    Broken(
        "a role is named by its ARN",
        """
        [workspace]
        name = "greenhouse"
        target = "aws"
        role_arn = "deploy"
        """,
        """
        desired_state.toml:4: error: workspace.role_arn: 'deploy' is not the ARN of a role; expected such as 'arn:aws:iam::123456789012:role/deploy'
        """,
        workspace=False,
    ),
    Broken(
        "an external id without a role says nothing",
        """
        [workspace]
        name = "greenhouse"
        target = "aws"
        external_id = "x"
        """,
        """
        desired_state.toml:4: error: workspace.external_id: there is no role_arn that it is for
        """,
        workspace=False,
    ),
    Broken(
        "fuses are percentages",
        """
        [workspace]
        name = "greenhouse"
        limits = { delete_percent = 101, replace_percent = -1 }
        """,
        """
        desired_state.toml:3: error: workspace.limits.delete_percent: the integer 101; expected 0 to 100
        desired_state.toml:3: error: workspace.limits.replace_percent: the integer -1; expected 0 to 100
        """,
        workspace=False,
    ),
    Broken(
        "fuses are counts as well, of all or of a kind",
        """
        [workspace]
        name = "greenhouse"
        prune = "sometimes"

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
        desired_state.toml:3: error: workspace.prune: 'sometimes' is not valid; expected one of 'owned', 'never'
        desired_state.toml:6: error: workspace.limits.delete_count: the integer -1; expected 0 or more
        desired_state.toml:7: error: workspace.limits.replace_counts: unknown key; did you mean 'replace_count'?
        desired_state.toml:8: error: workspace.limits.policies: the integer 3; expected a table
        desired_state.toml:11: error: workspace.limits.things.delete_percent: the integer 120; expected 0 to 100
        desired_state.toml:12: error: workspace.limits.things.delete_cnt: unknown key; did you mean 'delete_count'?
        desired_state.toml:14: error: workspace.limits.thing: unknown key; did you mean 'things'?
        """,
        workspace=False,
    ),
    Broken(
        "quotas name AWS's services and operations, and are rates",
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
        desired_state.toml:8: error: workspace.quotas.iot.UpdateThing: true; expected a number
        desired_state.toml:9: error: workspace.quotas.iot.DeleteThing: the number inf; expected a finite number
        """,
        workspace=False,
    ),
    Broken(
        "an unknown operation and a rate of nothing are told",
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
        desired_state.toml:4: error: workspace.quotas.iot.CreateThing: the rate 0; expected calls a second, more than 0
        desired_state.toml:5: error: workspace.quotas.io: unknown service; did you mean 'iot'?
        desired_state.toml:6: error: workspace.quotas.sqs: unknown service; expected one of 'iot', 'iot-managed-integrations'
        """,
        workspace=False,
    ),
    Broken(
        "a broken key hides nothing of the others",
        """
        [workspace]
        name = "green house"
        target = 5
        profile = "factory"
        region = "Ireland"
        limits = { delete_percent = 101 }
        """,
        """
        desired_state.toml:2: error: workspace.name: not usable in the name of the thing group that marks what is owned: 'reconciler-green house' is not what AWS takes; expected a match of [a-zA-Z0-9:_-]+
        desired_state.toml:3: error: workspace.target: the integer 5; expected a string
        desired_state.toml:5: error: workspace.region: 'Ireland' is not a region; expected a region such as 'eu-west-1'
        desired_state.toml:6: error: workspace.limits.delete_percent: the integer 101; expected 0 to 100
        """,
        workspace=False,
    ),
)
