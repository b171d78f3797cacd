"""The actions of topic rules, and the problems of an action.

Source: AWS IoT API reference, Action; developer guide, "AWS IoT rule actions".
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.named_values import find_public_secrets, iterate_written_secrets
from reconciler.kinds.base.outside_services import TEMPLATE, iterate_outside_texts
from reconciler.kinds.base.schema import get_members, member
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.kinds.shared.topic_rule_destination_spec import INFLUX_DB, TABLE, VPC
from reconciler.kinds.shared.topic_rule_messaging_actions import (
    Firehose,
    Http,
    Kafka,
    Kinesis,
    Republish,
    Sns,
    Sqs,
)
from reconciler.kinds.shared.topic_rule_service_actions import (
    CloudwatchAlarm,
    CloudwatchLogs,
    CloudwatchMetric,
    IotAnalytics,
    IotEvents,
    IotSiteWise,
    Lambda,
    Location,
    Salesforce,
    StepFunctions,
)
from reconciler.kinds.shared.topic_rule_storage_actions import (
    S3,
    DynamoDb,
    DynamoDbV2,
    Elasticsearch,
    InfluxDb,
    OpenSearch,
    Timestream,
)
from reconciler.model.address import Address
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.resource import Desired, External
from reconciler.model.text import join_some, quote

_ACTIONS = "CreateTopicRule.topicRulePayload.actions"


@frozen
class Action:
    """An action of a topic rule: exactly one of the fields is set."""

    cloudwatch_alarm: CloudwatchAlarm | None = member(
        "Sets the state of a CloudWatch alarm.", api=f"{_ACTIONS}.cloudwatchAlarm", default=None
    )
    cloudwatch_logs: CloudwatchLogs | None = member(
        "Writes to a log group in CloudWatch Logs.", api=f"{_ACTIONS}.cloudwatchLogs", default=None
    )
    cloudwatch_metric: CloudwatchMetric | None = member(
        "Sends a value to CloudWatch.", api=f"{_ACTIONS}.cloudwatchMetric", default=None
    )
    dynamo_db: DynamoDb | None = member(
        "Writes to one column of a DynamoDB table.", api=f"{_ACTIONS}.dynamoDB", default=None
    )
    dynamo_dbv2: DynamoDbV2 | None = member(
        "Writes to the columns of a DynamoDB table.", api=f"{_ACTIONS}.dynamoDBv2", default=None
    )
    elasticsearch: Elasticsearch | None = member(
        "Writes to an Elasticsearch domain; AWS recommends `open_search`.",
        api=f"{_ACTIONS}.elasticsearch",
        default=None,
    )
    firehose: Firehose | None = member(
        "Writes to a Firehose delivery stream.", api=f"{_ACTIONS}.firehose", default=None
    )
    http: Http | None = member("Sends to an HTTPS endpoint.", api=f"{_ACTIONS}.http", default=None)
    influx_db: InfluxDb | None = member(
        "Writes to an InfluxDB database.", api=f"{_ACTIONS}.influxDB", default=None
    )
    iot_analytics: IotAnalytics | None = member(
        "Sends to a channel of AWS IoT Analytics.", api=f"{_ACTIONS}.iotAnalytics", default=None
    )
    iot_events: IotEvents | None = member(
        "Sends to an input of AWS IoT Events.", api=f"{_ACTIONS}.iotEvents", default=None
    )
    iot_site_wise: IotSiteWise | None = member(
        "Sets asset properties in AWS IoT SiteWise.", api=f"{_ACTIONS}.iotSiteWise", default=None
    )
    kafka: Kafka | None = member("Sends to an Apache Kafka cluster.", api=f"{_ACTIONS}.kafka", default=None)
    kinesis: Kinesis | None = member(
        "Writes to a Kinesis data stream.", api=f"{_ACTIONS}.kinesis", default=None
    )
    lambda_function: Lambda | None = member(
        "Invokes a Lambda function.", api=f"{_ACTIONS}.lambda", default=None
    )
    location: Location | None = member(
        "Sends a position to an Amazon Location tracker.", api=f"{_ACTIONS}.location", default=None
    )
    open_search: OpenSearch | None = member(
        "Writes to an OpenSearch Service domain.", api=f"{_ACTIONS}.openSearch", default=None
    )
    republish: Republish | None = member(
        "Publishes to another MQTT topic.", api=f"{_ACTIONS}.republish", default=None
    )
    s3: S3 | None = member("Writes an object to S3.", api=f"{_ACTIONS}.s3", default=None)
    salesforce: Salesforce | None = member(
        "Sends to a Salesforce IoT Cloud input stream.", api=f"{_ACTIONS}.salesforce", default=None
    )
    sns: Sns | None = member("Publishes to an SNS topic.", api=f"{_ACTIONS}.sns", default=None)
    sqs: Sqs | None = member("Sends to an SQS queue.", api=f"{_ACTIONS}.sqs", default=None)
    step_functions: StepFunctions | None = member(
        "Starts a Step Functions state machine.", api=f"{_ACTIONS}.stepFunctions", default=None
    )
    timestream: Timestream | None = member(
        "Writes to a Timestream table.", api=f"{_ACTIONS}.timestream", default=None
    )


def check_action(action: Action, path: ValuePath) -> Iterator[ValueProblem]:
    """Yield problems of an action: no type, several types, misplaced secrets, invalid ARNs of roles."""
    types = [name for name in get_members(Action) if getattr(action, name) is not None]
    if len(types) != 1:
        problem = f"has {join_some(types)}" if types else "has no type"
        yield ValueProblem("invalid-action", problem, "exactly one type of action", path=path)
    if action.http:
        yield from (problem.nest_under(*path, "http") for problem in _check_http(action.http))
    if action.kafka:
        yield from (problem.nest_under(*path, "kafka") for problem in _check_kafka(action.kafka))
    for name in types:
        for item in iterate_outside_texts(getattr(action, name)):
            if item.type == "role":
                *tables, field = item.path
                problems = check_role_arn(str(field), item.text)
                yield from (problem.nest_under(*path, name, *tables) for problem in problems)


def check_destination(action: Action, path: ValuePath, desired: Desired) -> Iterator[ValueProblem]:
    """Yield a problem if an action refers to a destination of another type, in the file or by ARN."""
    for name, field, arn_type in (("kafka", "vpc", VPC), ("influx_db", "influx_db", INFLUX_DB)):
        reference = getattr(getattr(action, name), "destination", None)
        if reference is None:
            continue
        destination = desired.get(Address(TABLE, str(reference)))
        if isinstance(reference, External):
            _, _, resource = reference.id.partition(":ruledestination/")
            is_other = bool(resource) and not resource.startswith(f"{arn_type}/")
        else:
            is_other = destination is not None and getattr(destination.spec, field) is None
        if is_other:
            problem = f"{quote(str(reference))} is a destination of another type"
            expected = f"a destination with {field}"
            yield ValueProblem("invalid-destination", problem, expected, path=(*path, name, "destination"))


def _check_http(http: Http) -> Iterator[ValueProblem]:
    """Yield a problem if the confirmation URL is missing or is not the beginning of the URL.

    Source: developer guide, "HTTP".
    """
    if http.confirmation_url is None and TEMPLATE in http.url:
        problem = "missing, though the URL has substitution templates"
        yield ValueProblem("missing-field", problem, "the beginning of the URL", path=("confirmation_url",))
    if http.confirmation_url is not None and not http.url.startswith(http.confirmation_url):
        problem = f"{quote(http.confirmation_url)} is not the beginning of the URL {quote(http.url)}"
        expected = "a text with which the URL starts"
        yield ValueProblem("invalid-confirmation-url", problem, expected, path=("confirmation_url",))
    for index, header in enumerate(http.headers):
        yield from (problem.nest_under("headers", index) for problem in find_public_secrets(header))


def _check_kafka(kafka: Kafka) -> Iterator[ValueProblem]:
    """Yield a problem for each misplaced secret, and a warning for each credential in the file."""
    yield from find_public_secrets(kafka)
    for path, name in iterate_written_secrets(kafka):
        problem = f"{quote(name)} is written in the file; use '${{get_secret(…)}}', by which AWS IoT reads it from Secrets Manager"
        yield ValueProblem("literal-credential", problem, path=path, severity="warning")
