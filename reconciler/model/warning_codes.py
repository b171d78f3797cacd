"""The codes of all warnings about a resource in the file, each with what it means.

`lifecycle.allow` of a resource silences warnings by code, and the documentation lists them. A code never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

UNUSED_VARIABLE = "unused-variable"
"""The code of the warning about a variable that nothing uses; it is about no resource, so it cannot be silenced."""

UNUSED_ALLOW = "unused-allow"
"""The code of the warning about an entry of `lifecycle.allow` that silences nothing; it cannot be silenced."""

UNREAD_OBJECT = "unread-object"
"""The code of the warning about a manifest in S3 that an offline command does not read; it cannot be silenced."""

WARNING_CODES: Mapping[str, str] = MappingProxyType(
    {
        "certificate-expired": "The certificate has expired.",
        "certificate-not-yet-valid": "The certificate is not valid yet.",
        "column-not-replaced": "A text or a document has `{column}` or `${column}` where only `{row.column}` is replaced.",
        "disabled-template": "Devices register by connecting (`auto_registration`), but the template that provisions them is not "
        "enabled, so they are not provisioned.",
        "literal-credential": "A credential of a Kafka client is text in the file, so everyone who reads the file knows it.",
        "missing-role": "An inline `registration_template` has no `registration_role_arn`, so AWS cannot provision devices with it.",
        "no-from-clause": "The statement of a topic rule has no FROM clause, so only Basic Ingest activates the rule.",
        "not-a-function-arn": "The function is not the ARN of a Lambda function.",
        "not-a-public-key": "A key of an authorizer is not a public key in PEM, or has fewer than 2,048 bits.",
        "not-a-role-arn": "The role is not the ARN of an IAM role.",
        "policy-all-actions": "A statement allows every action (`iot:*` or `*`), on some resources.",
        "policy-any-client-id": "A statement allows connecting with every client ID, and has no condition on the client ID or "
        "on `iot:Connection.Thing.IsAttached`. A device can then disconnect any other one and take its place.",
        "policy-full-wildcard": "A statement allows every action on every resource.",
        "policy-greengrass-for-group": "A thing group has a policy for AWS IoT Greengrass. AWS does not apply policies of thing "
        "groups to the data plane of Greengrass: attach the policy to the certificates of the core devices.",
        "policy-greengrass-thing-variable": "A policy of AWS IoT Greengrass core devices, or a statement about actions of Greengrass, has "
        "thing policy variables (`iot:Connection.Thing.*`), which Greengrass does not support: the client ID of a connection may "
        "differ from the thing's name.",
        "policy-negated-element": "A statement allows everything except what NotAction or NotResource lists. AWS IoT documents "
        "neither of them.",
        "policy-no-statement": "The policy has no statement, so it allows nothing.",
        "policy-old-version": "The policy uses variables, but its Version is not 2012-10-17. AWS then takes variables literally.",
        "policy-publish-every-topic": "A statement allows publishing to every topic.",
        "policy-subscribe-every-topic": "A statement allows subscribing to every topic.",
        "policy-unknown-action": "AWS IoT does not define the action for policies of devices. Actions of the control plane, such as "
        "`iot:CreateThing`, have no effect in them.",
        "policy-unknown-variable": "AWS IoT does not define the policy variable.",
        "policy-wrong-resource": "An action applies to none of the resources of its statement: `iot:Subscribe` needs "
        "`topicfilter/…`, `iot:Publish` and `iot:Receive` need `topic/…`, `iot:Connect` needs `client/…`.",
        "protocol-without-authentication": "Clients of a domain configuration cannot use its authentication type over its protocol.",
        "query-unknown-field": "The query of a dynamic thing group has a field that fleet indexing does not define.",
        UNREAD_OBJECT: "A manifest in S3 is not read by a command that works offline, so its rows are not checked. This one cannot be "
        "silenced.",
        "unreadable-secret": "A secret that AWS stores cannot be read. For a field that matters only at the creation of a resource, this is a "
        "warning, and an error when the resource is created.",
        "unset-secret": "The environment variable of a secret is unset or empty.",
        UNUSED_VARIABLE: "`[variables]` declares a variable that nothing uses. This one cannot be silenced: remove the variable.",
        UNUSED_ALLOW: "An entry of `lifecycle.allow` silences no warning. This one cannot be silenced: remove the entry.",
    }
)

SILENCEABLE_CODES = tuple(
    code for code in WARNING_CODES if code not in {UNREAD_OBJECT, UNUSED_ALLOW, UNUSED_VARIABLE}
)
