"""Topic rule actions that store messages, such as in DynamoDB, S3, Timestream and OpenSearch.

Source: AWS IoT API reference, CreateTopicRule; developer guide, "AWS IoT rule actions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import member
from reconciler.model.resource import External

_ACTIONS = "CreateTopicRule.topicRulePayload.actions"

CannedAcl: TypeAlias = Literal[
    "private",
    "public-read",
    "public-read-write",
    "aws-exec-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
]


@frozen
class DynamoDb:
    """An action that writes each message to a column of a DynamoDB table."""

    table_name: str = member("The table.", api=f"{_ACTIONS}.dynamoDB.tableName")
    role_arn: str = member(
        "The role with which AWS IoT writes to the table.", api=f"{_ACTIONS}.dynamoDB.roleArn", outside="role"
    )
    hash_key_field: str = member("The name of the partition key.", api=f"{_ACTIONS}.dynamoDB.hashKeyField")
    hash_key_value: str = member(
        "The value of the partition key, such as `${topic()}`.", api=f"{_ACTIONS}.dynamoDB.hashKeyValue"
    )
    hash_key_type: Literal["STRING", "NUMBER"] | None = member(
        "The type of the partition key.", api=f"{_ACTIONS}.dynamoDB.hashKeyType", default=None
    )
    range_key_field: str | None = member(
        "The name of the sort key.", api=f"{_ACTIONS}.dynamoDB.rangeKeyField", default=None
    )
    range_key_value: str | None = member(
        "The value of the sort key.", api=f"{_ACTIONS}.dynamoDB.rangeKeyValue", default=None
    )
    range_key_type: Literal["STRING", "NUMBER"] | None = member(
        "The type of the sort key.", api=f"{_ACTIONS}.dynamoDB.rangeKeyType", default=None
    )
    payload_field: str | None = member(
        "The column of the message.", api=f"{_ACTIONS}.dynamoDB.payloadField", default=None
    )
    operation: str | None = member(
        "INSERT, UPDATE or DELETE, or a template with such a result.",
        api=f"{_ACTIONS}.dynamoDB.operation",
        default=None,
    )


@frozen
class PutItem:
    """The table of a `dynamo_dbv2` action."""

    table_name: str = member("The table.", api=f"{_ACTIONS}.dynamoDBv2.putItem.tableName")


@frozen
class DynamoDbV2:
    """An action that writes each attribute of a message to its own column of a DynamoDB table."""

    put_item: PutItem = member(
        "The table that the message is written to.", api=f"{_ACTIONS}.dynamoDBv2.putItem"
    )
    role_arn: str = member(
        "The role with which AWS IoT writes to the table.",
        api=f"{_ACTIONS}.dynamoDBv2.roleArn",
        outside="role",
    )


@frozen
class S3:
    """An action that writes each message to an object in S3."""

    bucket_name: str = member("The bucket.", api=f"{_ACTIONS}.s3.bucketName")
    key: str = member("The key of the object, such as `${topic()}/${timestamp()}`.", api=f"{_ACTIONS}.s3.key")
    role_arn: str = member(
        "The role with which AWS IoT writes to the bucket.", api=f"{_ACTIONS}.s3.roleArn", outside="role"
    )
    canned_acl: CannedAcl | None = member(
        "The predefined access control list of the object.", api=f"{_ACTIONS}.s3.cannedAcl", default=None
    )


@frozen
class TimestreamDimension:
    """A dimension of the records of a `timestream` action."""

    name: str = member(
        "The name of the dimension, which is a column of the table.",
        api=f"{_ACTIONS}.timestream.dimensions.name",
    )
    value: str = member(
        "The value of the dimension, such as `${clientid()}`.", api=f"{_ACTIONS}.timestream.dimensions.value"
    )


@frozen
class TimestreamTimestamp:
    """The time of the records of a `timestream` action."""

    value: str = member(
        "An expression whose result is the time since 1970, in units.",
        api=f"{_ACTIONS}.timestream.timestamp.value",
    )
    unit: str = member(
        "SECONDS, MILLISECONDS, MICROSECONDS or NANOSECONDS.", api=f"{_ACTIONS}.timestream.timestamp.unit"
    )


@frozen
class Timestream:
    """An action that writes the attributes of each message to a Timestream table."""

    database_name: str = member("The database.", api=f"{_ACTIONS}.timestream.databaseName")
    table_name: str = member("The table.", api=f"{_ACTIONS}.timestream.tableName")
    dimensions: tuple[TimestreamDimension, ...] = member(
        "The dimensions of each record.", api=f"{_ACTIONS}.timestream.dimensions"
    )
    role_arn: str = member(
        "The role with which AWS IoT writes to the table.",
        api=f"{_ACTIONS}.timestream.roleArn",
        outside="role",
    )
    timestamp: TimestreamTimestamp | None = member(
        "The time of each record; default: when AWS IoT processes the message.",
        api=f"{_ACTIONS}.timestream.timestamp",
        default=None,
    )


@frozen
class InfluxDbBatch:
    """The data points that one request of an `influx_db` action has."""

    max_batch_size: int | None = member(
        "The maximum number of data points.",
        api=f"{_ACTIONS}.influxDB.batchConfig.maxBatchSize",
        default=None,
    )
    max_batch_open_ms: int | None = member(
        "The maximum time to collect data points, in milliseconds.",
        api=f"{_ACTIONS}.influxDB.batchConfig.maxBatchOpenMs",
        default=None,
    )
    max_batch_size_bytes: int | None = member(
        "The maximum size, in bytes.", api=f"{_ACTIONS}.influxDB.batchConfig.maxBatchSizeBytes", default=None
    )
    batch_across_topics: bool = member(
        "Whether one request may have messages of several topics.",
        api=f"{_ACTIONS}.influxDB.batchConfig.batchAcrossTopics",
        default=False,
    )


@frozen
class InfluxDb:
    """An action that writes each message to an InfluxDB database."""

    destination: str | External = member(
        "The InfluxDB destination, which identifies the instance.",
        api=f"{_ACTIONS}.influxDB.destinationArn",
        references="topic_rule_destinations",
    )
    database_name: str = member(
        "The database; in InfluxDB 2, the bucket.", api=f"{_ACTIONS}.influxDB.databaseName"
    )
    table_name: str = member(
        "The table, which is the measurement of the data point.", api=f"{_ACTIONS}.influxDB.tableName"
    )
    role_arn: str = member(
        "The role with which AWS IoT reads the token of the instance.",
        api=f"{_ACTIONS}.influxDB.roleArn",
        outside="role",
    )
    organization: str | None = member(
        "The organization that owns the bucket; InfluxDB 2 needs it.",
        api=f"{_ACTIONS}.influxDB.organization",
        default=None,
    )
    tags: Mapping[str, str] = member(
        "The tags of each data point.", api=f"{_ACTIONS}.influxDB.tags", factory=dict
    )
    timestamp_unit: Literal["s", "ms", "us", "ns"] = member(
        "The precision of the data points' times.", api=f"{_ACTIONS}.influxDB.timestampUnit", default="ms"
    )
    batch_config: InfluxDbBatch | None = member(
        "When several data points are written in one request; default: never.",
        api=f"{_ACTIONS}.influxDB.batchConfig",
        default=None,
    )


@frozen
class OpenSearch:
    """An action that writes each message to an OpenSearch Service domain."""

    endpoint: str = member("The endpoint of the domain.", api=f"{_ACTIONS}.openSearch.endpoint")
    index: str = member("The index.", api=f"{_ACTIONS}.openSearch.index")
    type: str = member("The type of the document.", api=f"{_ACTIONS}.openSearch.type")
    id: str = member("The ID of the document, such as `${newuuid()}`.", api=f"{_ACTIONS}.openSearch.id")
    role_arn: str = member(
        "The role with which AWS IoT writes to the domain.",
        api=f"{_ACTIONS}.openSearch.roleArn",
        outside="role",
    )


@frozen
class Elasticsearch:
    """An action that writes each message to an Elasticsearch domain."""

    endpoint: str = member("The endpoint of the domain.", api=f"{_ACTIONS}.elasticsearch.endpoint")
    index: str = member("The index.", api=f"{_ACTIONS}.elasticsearch.index")
    type: str = member("The type of the document.", api=f"{_ACTIONS}.elasticsearch.type")
    id: str = member("The ID of the document, such as `${newuuid()}`.", api=f"{_ACTIONS}.elasticsearch.id")
    role_arn: str = member(
        "The role with which AWS IoT writes to the domain.",
        api=f"{_ACTIONS}.elasticsearch.roleArn",
        outside="role",
    )
