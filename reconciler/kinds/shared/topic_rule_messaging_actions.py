"""Topic rule actions that pass messages on: to streams, queues, topics and web servers.

Source: AWS IoT API reference, CreateTopicRule; developer guide, "AWS IoT rule actions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.named_values import hide_secret_values
from reconciler.kinds.base.schema import member
from reconciler.model.resource import External
from reconciler.model.secret import Secret

_ACTIONS = "CreateTopicRule.topicRulePayload.actions"

_PUBLIC_HEADERS = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "user-agent",
    }
)
"""The headers of HTTP requests that describe content, and no caller."""

_PUBLIC_CLIENT_PROPERTIES = frozenset(
    {
        "acks",
        "bootstrap.servers",
        "compression.type",
        "key.serializer",
        "sasl.kerberos.krb5.kdc",
        "sasl.kerberos.krb5.realm",
        "sasl.kerberos.principal",
        "sasl.kerberos.service.name",
        "sasl.mechanism",
        "security.protocol",
        "value.serializer",
    }
)
"""The properties of Kafka clients without credentials (developer guide, "Apache Kafka")."""


@frozen
class Sns:
    """An action that publishes each message to an SNS topic."""

    target_arn: str = member("The ARN of the SNS topic.", api=f"{_ACTIONS}.sns.targetArn")
    role_arn: str = member(
        "The role with which AWS IoT publishes.", api=f"{_ACTIONS}.sns.roleArn", outside="role"
    )
    message_format: Literal["RAW", "JSON"] = member(
        "Whether SNS parses the message.", api=f"{_ACTIONS}.sns.messageFormat", default="RAW"
    )


@frozen
class Sqs:
    """An action that sends each message to an SQS queue."""

    queue_url: str = member("The URL of the queue.", api=f"{_ACTIONS}.sqs.queueUrl")
    role_arn: str = member(
        "The role with which AWS IoT sends.", api=f"{_ACTIONS}.sqs.roleArn", outside="role"
    )
    use_base64: bool = member(
        "Whether the message is encoded in Base64.", api=f"{_ACTIONS}.sqs.useBase64", default=False
    )


@frozen
class Kinesis:
    """An action that writes each message to a Kinesis data stream."""

    stream_name: str = member("The stream.", api=f"{_ACTIONS}.kinesis.streamName", outside="kinesis_stream")
    role_arn: str = member(
        "The role with which AWS IoT writes to the stream.", api=f"{_ACTIONS}.kinesis.roleArn", outside="role"
    )
    partition_key: str | None = member(
        "The key that determines the shard, such as `${newuuid()}`.",
        api=f"{_ACTIONS}.kinesis.partitionKey",
        default=None,
    )


@frozen
class Firehose:
    """An action that writes each message to a Firehose delivery stream."""

    delivery_stream_name: str = member(
        "The delivery stream.", api=f"{_ACTIONS}.firehose.deliveryStreamName", outside="delivery_stream"
    )
    role_arn: str = member(
        "The role with which AWS IoT writes to the stream.",
        api=f"{_ACTIONS}.firehose.roleArn",
        outside="role",
    )
    separator: str | None = member(
        "The text between two records: a newline, a tab, `\\r\\n` or a comma.",
        api=f"{_ACTIONS}.firehose.separator",
        default=None,
    )
    batch_mode: bool = member(
        "Whether each element of an array becomes a record.",
        api=f"{_ACTIONS}.firehose.batchMode",
        default=False,
    )


@frozen
class MqttUserProperty:
    """A user property of an MQTT 5 message."""

    key: str = member("The key.", api=f"{_ACTIONS}.republish.headers.userProperties.key")
    value: str = member("The value.", api=f"{_ACTIONS}.republish.headers.userProperties.value")


@frozen
class MqttHeaders:
    """The MQTT 5 properties of the messages of a `republish` action."""

    payload_format_indicator: str | None = member(
        "UTF8_DATA or UNSPECIFIED_BYTES.",
        api=f"{_ACTIONS}.republish.headers.payloadFormatIndicator",
        default=None,
    )
    content_type: str | None = member(
        "A description of the content.", api=f"{_ACTIONS}.republish.headers.contentType", default=None
    )
    response_topic: str | None = member(
        "The topic for a response.", api=f"{_ACTIONS}.republish.headers.responseTopic", default=None
    )
    correlation_data: str | None = member(
        "Data in Base64 by which a response is matched with its request.",
        api=f"{_ACTIONS}.republish.headers.correlationData",
        default=None,
    )
    message_expiry: str | None = member(
        "The seconds after which the message expires.",
        api=f"{_ACTIONS}.republish.headers.messageExpiry",
        default=None,
    )
    user_properties: tuple[MqttUserProperty, ...] = member(
        "The user properties.", api=f"{_ACTIONS}.republish.headers.userProperties", default=()
    )


@frozen
class Republish:
    """An action that publishes each message to another MQTT topic."""

    topic: str = member("The topic, such as `alarms/${clientid()}`.", api=f"{_ACTIONS}.republish.topic")
    role_arn: str = member(
        "The role with which AWS IoT publishes.", api=f"{_ACTIONS}.republish.roleArn", outside="role"
    )
    qos: int = member("The quality of service: 0 or 1.", api=f"{_ACTIONS}.republish.qos", default=0)
    headers: MqttHeaders | None = member(
        "The MQTT 5 properties of the message.", api=f"{_ACTIONS}.republish.headers", default=None
    )


@frozen
class KafkaHeader:
    """A header of the records of a `kafka` action."""

    key: str = member("The key.", api=f"{_ACTIONS}.kafka.headers.key")
    value: str = member("The value.", api=f"{_ACTIONS}.kafka.headers.value")


@frozen
class Kafka:
    """An action that sends each message to an Apache Kafka cluster."""

    destination: str | External = member(
        "The VPC destination through which the cluster is reached.",
        api=f"{_ACTIONS}.kafka.destinationArn",
        references="topic_rule_destinations",
    )
    topic: str = member("The Kafka topic.", api=f"{_ACTIONS}.kafka.topic")
    client_properties: Mapping[str, str | Secret] = member(
        "The properties of the Kafka producer, such as `bootstrap.servers`. Credentials are secrets or, better, `${get_secret(…)}`.",
        api=f"{_ACTIONS}.kafka.clientProperties",
        public_names=_PUBLIC_CLIENT_PROPERTIES,
    )
    key: str | None = member("The key of the record.", api=f"{_ACTIONS}.kafka.key", default=None)
    partition: str | None = member(
        "The partition of the record.", api=f"{_ACTIONS}.kafka.partition", default=None
    )
    headers: tuple[KafkaHeader, ...] = member(
        "The headers of the record.", api=f"{_ACTIONS}.kafka.headers", default=()
    )

    def __attrs_post_init__(self) -> None:
        hide_secret_values(self)


@frozen
class HttpHeader:
    """A header of the requests of an `http` action."""

    key: str = member("The name of the header.", api=f"{_ACTIONS}.http.headers.key")
    value: str | Secret = member(
        "The value of the header, which plans show only if the header describes content, such as `Content-Type`.",
        api=f"{_ACTIONS}.http.headers.value",
        public_names=_PUBLIC_HEADERS,
        named_by="key",
    )

    def __attrs_post_init__(self) -> None:
        hide_secret_values(self)


@frozen
class SigV4:
    """The signature of the requests of an `http` action."""

    signing_region: str = member(
        "The Region for which a request is signed.", api=f"{_ACTIONS}.http.auth.sigv4.signingRegion"
    )
    service_name: str = member(
        "The service for which a request is signed.", api=f"{_ACTIONS}.http.auth.sigv4.serviceName"
    )
    role_arn: str = member(
        "The role with which AWS IoT signs.", api=f"{_ACTIONS}.http.auth.sigv4.roleArn", outside="role"
    )


@frozen
class HttpAuthorization:
    """The authorization of the requests of an `http` action."""

    sigv4: SigV4 = member("Signature Version 4.", api=f"{_ACTIONS}.http.auth.sigv4")


@frozen
class HttpBatch:
    """The messages that one request of an `http` action has."""

    max_batch_open_ms: int | None = member(
        "The maximum time to wait for further messages, in milliseconds.",
        api=f"{_ACTIONS}.http.batchConfig.maxBatchOpenMs",
        default=None,
    )
    max_batch_size: int | None = member(
        "The maximum number of messages.", api=f"{_ACTIONS}.http.batchConfig.maxBatchSize", default=None
    )
    max_batch_size_bytes: int | None = member(
        "The maximum size, in bytes.", api=f"{_ACTIONS}.http.batchConfig.maxBatchSizeBytes", default=None
    )
    batch_across_topics: bool = member(
        "Whether one request may have messages of several topics.",
        api=f"{_ACTIONS}.http.batchConfig.batchAcrossTopics",
        default=False,
    )


@frozen
class Http:
    """An action that sends each message to an HTTPS endpoint."""

    url: str = member(
        "The URL; with substitution templates, `confirmation_url` is required.", api=f"{_ACTIONS}.http.url"
    )
    confirmation_url: str | None = member(
        "The URL that confirms the destination, which the URL starts with; default: the URL.",
        api=f"{_ACTIONS}.http.confirmationUrl",
        default=None,
    )
    headers: tuple[HttpHeader, ...] = member(
        "The headers of each request.", api=f"{_ACTIONS}.http.headers", default=()
    )
    auth: HttpAuthorization | None = member(
        "How requests are authorized; default: not at all.", api=f"{_ACTIONS}.http.auth", default=None
    )
    enable_batching: bool = member(
        "Whether a request may have several messages.", api=f"{_ACTIONS}.http.enableBatching", default=False
    )
    batch_config: HttpBatch | None = member(
        "How many messages a request has.", api=f"{_ACTIONS}.http.batchConfig", default=None
    )
