"""The fields of topic rule destinations, and which of them the HTTP actions of topic rules need.

Source: AWS IoT API reference, CreateTopicRuleDestination; developer guide, "HTTP", "Virtual private cloud (VPC) destinations".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.outside_services import TEMPLATE
from reconciler.kinds.base.schema import member

TABLE = "topic_rule_destinations"

VPC, INFLUX_DB = "vpc", "influxdb"
"""The types of destinations in ARNs; that of InfluxDB is UNCONFIRMED."""

_CONFIGURATION = "CreateTopicRuleDestination.destinationConfiguration"


@frozen
class HttpDestination:
    """An HTTPS endpoint."""

    confirmation_url: str = member(
        "The URL to which AWS sends a token, with which the endpoint confirms the destination.",
        api=f"{_CONFIGURATION}.httpUrlConfiguration.confirmationUrl",
    )


@frozen
class VpcDestination:
    """A virtual private cloud (VPC), in which AWS creates a network interface in each subnet."""

    vpc_id: str = member("The VPC.", api=f"{_CONFIGURATION}.vpcConfiguration.vpcId")
    subnet_ids: tuple[str, ...] = member(
        "The subnets, in any order.", api=f"{_CONFIGURATION}.vpcConfiguration.subnetIds"
    )
    role_arn: str = member(
        "The role with which AWS IoT creates the network interfaces.",
        api=f"{_CONFIGURATION}.vpcConfiguration.roleArn",
        outside="role",
    )
    security_groups: tuple[str, ...] = member(
        "The security groups, in any order.",
        api=f"{_CONFIGURATION}.vpcConfiguration.securityGroups",
        default=(),
    )


@frozen
class InfluxDbDestination:
    """An InfluxDB instance, and the secret in Secrets Manager that has its token."""

    endpoint: str = member("The URL of the instance.", api=f"{_CONFIGURATION}.influxDBConfiguration.endpoint")
    influx_db_version: Literal["V2", "V3"] = member(
        "The major version of InfluxDB.", api=f"{_CONFIGURATION}.influxDBConfiguration.influxDBVersion"
    )
    secret_id: str = member(
        "The ARN or name of the secret with the token.",
        api=f"{_CONFIGURATION}.influxDBConfiguration.secretId",
    )
    secret_type: Literal["SecretString", "SecretBinary"] = member(
        "The type of the secret.",
        api=f"{_CONFIGURATION}.influxDBConfiguration.secretType",
        default="SecretString",
    )
    secret_key: str | None = member(
        "The key of the token in a secret that is a JSON object; default: the secret is the token.",
        api=f"{_CONFIGURATION}.influxDBConfiguration.secretKey",
        default=None,
    )


@frozen
class TopicRuleDestination:
    """`[topic_rule_destinations.*]`: exactly one of the first three fields is set."""

    http: HttpDestination | None = member(
        "An HTTPS endpoint, which has to confirm that it accepts messages.",
        api=f"{_CONFIGURATION}.httpUrlConfiguration",
        on_change="replaces",
        default=None,
    )
    vpc: VpcDestination | None = member(
        "The VPC of an Apache Kafka cluster.",
        api=f"{_CONFIGURATION}.vpcConfiguration",
        on_change="replaces",
        default=None,
    )
    influx_db: InfluxDbDestination | None = member(
        "An InfluxDB instance.",
        api=f"{_CONFIGURATION}.influxDBConfiguration",
        on_change="replaces",
        default=None,
    )
    status: Literal["ENABLED", "DISABLED"] = member(
        "DISABLED keeps messages from the destination without another confirmation.",
        api="UpdateTopicRuleDestination.status",
        default="ENABLED",
    )


def iterate_confirmation_urls(actions: Iterable[Any]) -> Iterator[str]:
    """Yield the confirmation URL of each HTTP action, which is by default its URL."""
    for action in actions:
        if action is not None and action.http is not None:
            yield action.http.confirmation_url or action.http.url


def is_confirmed_by(url: str, destination: TopicRuleDestination) -> bool:
    """Return whether an HTTP action with this confirmation URL may use a destination.

    A URL with substitution templates may use every destination whose URL has the same beginning.
    """
    if destination.http is None:
        return False
    fixed_part, template, _ = url.partition(TEMPLATE)
    confirmation_url = destination.http.confirmation_url
    return confirmation_url.startswith(fixed_part) if template else confirmation_url == url
