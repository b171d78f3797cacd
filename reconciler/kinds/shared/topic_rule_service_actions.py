"""Topic rule actions that call services such as Lambda, CloudWatch and Step Functions.

Source: AWS IoT API reference, CreateTopicRule; developer guide, "AWS IoT rule actions".
"""

from __future__ import annotations

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import member
from reconciler.model.secret import Secret

_ACTIONS = "CreateTopicRule.topicRulePayload.actions"


@frozen
class Lambda:
    """An action that invokes a Lambda function with each message."""

    function_arn: str = member(
        "The ARN of the function, which must allow AWS IoT to invoke it.",
        api=f"{_ACTIONS}.lambda.functionArn",
        outside="function",
    )


@frozen
class StepFunctions:
    """An action that starts a Step Functions state machine with each message."""

    state_machine_name: str = member("The state machine.", api=f"{_ACTIONS}.stepFunctions.stateMachineName")
    role_arn: str = member(
        "The role with which AWS IoT starts it.", api=f"{_ACTIONS}.stepFunctions.roleArn", outside="role"
    )
    execution_name_prefix: str | None = member(
        "The start of each execution's name; a UUID follows.",
        api=f"{_ACTIONS}.stepFunctions.executionNamePrefix",
        default=None,
    )


@frozen
class CloudwatchMetric:
    """An action that sends a value to CloudWatch for each message."""

    metric_namespace: str = member(
        "The namespace of the metric.", api=f"{_ACTIONS}.cloudwatchMetric.metricNamespace"
    )
    metric_name: str = member("The name of the metric.", api=f"{_ACTIONS}.cloudwatchMetric.metricName")
    metric_value: str = member(
        "The value, such as `${temperature}`.", api=f"{_ACTIONS}.cloudwatchMetric.metricValue"
    )
    metric_unit: str = member("The unit, such as `Count`.", api=f"{_ACTIONS}.cloudwatchMetric.metricUnit")
    role_arn: str = member(
        "The role with which AWS IoT sends the value.",
        api=f"{_ACTIONS}.cloudwatchMetric.roleArn",
        outside="role",
    )
    metric_timestamp: str | None = member(
        "The time of the value, in seconds since 1970.",
        api=f"{_ACTIONS}.cloudwatchMetric.metricTimestamp",
        default=None,
    )


@frozen
class CloudwatchAlarm:
    """An action that sets the state of a CloudWatch alarm for each message."""

    alarm_name: str = member("The alarm.", api=f"{_ACTIONS}.cloudwatchAlarm.alarmName")
    state_reason: str = member("The reason for the state.", api=f"{_ACTIONS}.cloudwatchAlarm.stateReason")
    state_value: str = member("OK, ALARM or INSUFFICIENT_DATA.", api=f"{_ACTIONS}.cloudwatchAlarm.stateValue")
    role_arn: str = member(
        "The role with which AWS IoT sets the state.",
        api=f"{_ACTIONS}.cloudwatchAlarm.roleArn",
        outside="role",
    )


@frozen
class CloudwatchLogs:
    """An action that writes each message to a log group in CloudWatch Logs."""

    log_group_name: str = member("The log group.", api=f"{_ACTIONS}.cloudwatchLogs.logGroupName")
    role_arn: str = member(
        "The role with which AWS IoT writes to the log group.",
        api=f"{_ACTIONS}.cloudwatchLogs.roleArn",
        outside="role",
    )
    batch_mode: bool = member(
        "Whether each element of an array becomes a record.",
        api=f"{_ACTIONS}.cloudwatchLogs.batchMode",
        default=False,
    )


@frozen
class IotAnalytics:
    """An action that sends each message to a channel of AWS IoT Analytics."""

    channel_name: str | None = member(
        "The channel.", api=f"{_ACTIONS}.iotAnalytics.channelName", default=None
    )
    channel_arn: str | None = member(
        "The ARN of the channel; deprecated by AWS in favor of its name.",
        api=f"{_ACTIONS}.iotAnalytics.channelArn",
        default=None,
    )
    role_arn: str | None = member(
        "The role with which AWS IoT sends.",
        api=f"{_ACTIONS}.iotAnalytics.roleArn",
        outside="role",
        default=None,
    )
    batch_mode: bool = member(
        "Whether each element of an array becomes a message.",
        api=f"{_ACTIONS}.iotAnalytics.batchMode",
        default=False,
    )


@frozen
class IotEvents:
    """An action that sends each message to an input of AWS IoT Events."""

    input_name: str = member("The input.", api=f"{_ACTIONS}.iotEvents.inputName")
    role_arn: str = member(
        "The role with which AWS IoT sends.", api=f"{_ACTIONS}.iotEvents.roleArn", outside="role"
    )
    message_id: str | None = member(
        "The ID of the message; default: a new UUID. Not with `batch_mode`.",
        api=f"{_ACTIONS}.iotEvents.messageId",
        default=None,
    )
    batch_mode: bool = member(
        "Whether each element of an array becomes a message.",
        api=f"{_ACTIONS}.iotEvents.batchMode",
        default=False,
    )


@frozen
class AssetPropertyVariant:
    """A value of an asset property, of one of four types."""

    string_value: str | None = member(
        "A text.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.value.stringValue",
        default=None,
    )
    integer_value: str | None = member(
        "An integer, as a text.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.value.integerValue",
        default=None,
    )
    double_value: str | None = member(
        "A number, as a text.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.value.doubleValue",
        default=None,
    )
    boolean_value: str | None = member(
        "`true` or `false`, as a text.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.value.booleanValue",
        default=None,
    )


@frozen
class AssetPropertyTimestamp:
    """The time of a value of an asset property."""

    time_in_seconds: str = member(
        "The seconds since 1970.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.timestamp.timeInSeconds",
    )
    offset_in_nanos: str | None = member(
        "The nanoseconds after that.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.timestamp.offsetInNanos",
        default=None,
    )


@frozen
class AssetPropertyValue:
    """A value of an asset property, with its time."""

    value: AssetPropertyVariant = member(
        "The value.", api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.value"
    )
    timestamp: AssetPropertyTimestamp = member(
        "The time of the value.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.timestamp",
    )
    quality: str | None = member(
        "GOOD, BAD or UNCERTAIN.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues.quality",
        default=None,
    )


@frozen
class AssetPropertyEntry:
    """Values of one asset property."""

    property_values: tuple[AssetPropertyValue, ...] = member(
        "The values.", api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyValues"
    )
    property_alias: str | None = member(
        "The alias of the property, in place of `asset_id` and `property_id`.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyAlias",
        default=None,
    )
    asset_id: str | None = member(
        "The ID of the asset.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.assetId",
        default=None,
    )
    property_id: str | None = member(
        "The ID of the property.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.propertyId",
        default=None,
    )
    entry_id: str | None = member(
        "An ID by which an error names the entry; default: a new UUID.",
        api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries.entryId",
        default=None,
    )


@frozen
class IotSiteWise:
    """An action that sets asset properties in AWS IoT SiteWise for each message."""

    put_asset_property_value_entries: tuple[AssetPropertyEntry, ...] = member(
        "The properties, with their values.", api=f"{_ACTIONS}.iotSiteWise.putAssetPropertyValueEntries"
    )
    role_arn: str = member(
        "The role with which AWS IoT sets the properties.",
        api=f"{_ACTIONS}.iotSiteWise.roleArn",
        outside="role",
    )


@frozen
class LocationTimestamp:
    """The time of a position."""

    value: str = member(
        "An expression whose result is the time since 1970, in units.",
        api=f"{_ACTIONS}.location.timestamp.value",
    )
    unit: str = member(
        "SECONDS, MILLISECONDS, MICROSECONDS or NANOSECONDS.",
        api=f"{_ACTIONS}.location.timestamp.unit",
        default="MILLISECONDS",
    )


@frozen
class Location:
    """An action that sends the position of a device to an Amazon Location tracker for each message."""

    tracker_name: str = member("The tracker.", api=f"{_ACTIONS}.location.trackerName")
    device_id: str = member("The ID of the device.", api=f"{_ACTIONS}.location.deviceId")
    latitude: str = member("The latitude, such as `${latitude}`.", api=f"{_ACTIONS}.location.latitude")
    longitude: str = member("The longitude, such as `${longitude}`.", api=f"{_ACTIONS}.location.longitude")
    role_arn: str = member(
        "The role with which AWS IoT sends the position.", api=f"{_ACTIONS}.location.roleArn", outside="role"
    )
    timestamp: LocationTimestamp | None = member(
        "The time of the position; default: when AWS IoT processes the message.",
        api=f"{_ACTIONS}.location.timestamp",
        default=None,
    )


@frozen
class Salesforce:
    """An action that sends each message to a Salesforce IoT Cloud input stream."""

    url: str = member("The URL of the input stream.", api=f"{_ACTIONS}.salesforce.url")
    token: Secret = member("The token of the input stream.", api=f"{_ACTIONS}.salesforce.token")
