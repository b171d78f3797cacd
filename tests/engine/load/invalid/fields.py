"""Invalid keys, types, names, references and dependency cycles."""

from tests.engine.load.invalid.case import InvalidCase

CASES = (
    InvalidCase(
        "an invalid key does not hide the problems of other keys",
        """
        [things.pump-1]
        thing_groups = "hall"
        certificates = ["pump-1"]
        attributes = { "two words" = "x" }
        depends_on = ["things.pump-2"]
        lifecycle = { prevent_destroy = 1, ignore_changes = ["color"] }

        [managed_things.pump-1]
        authentication_material = { env = "PUMP_1_QR" }
        thing = "pump-3"
        depends_on = ["managed_things.pump-1"]
        """,
        """
        desired_state.toml:2: error: things.pump-1.thing_groups: got the string 'hall'; expected an array, each item a name in this file, { id = "…" } or { arn = "…" }; did you mean '["hall"]'?
        desired_state.toml:3: error: things.pump-1.certificates[0]: certificates.pump-1 is not declared in this file; expected a name in [certificates.*], or { id = "…" } for a resource outside this file
        desired_state.toml:4: error: things.pump-1.attributes.two words: the key: 'two words' is not accepted by AWS; expected a match of [a-zA-Z0-9_.,@/:#-]+
        desired_state.toml:5: error: things.pump-1.depends_on[0]: things.pump-2 is not declared in this file; did you mean 'things.pump-1'?
        desired_state.toml:6: error: things.pump-1.lifecycle.prevent_destroy: got the integer 1; expected true or false
        desired_state.toml:8: error: managed_things.pump-1: dependency cycle: managed_things.pump-1 → managed_things.pump-1; remove one of these dependencies
        desired_state.toml:8: error: managed_things.pump-1.authentication_material_type: required key is missing; expected a string
        desired_state.toml:8: error: managed_things.pump-1.role: required key is missing; expected one of 'CONTROLLER', 'DEVICE'
        desired_state.toml:9: warning: managed_things.pump-1.authentication_material: env PUMP_1_QR is unset or empty; expected a value before a plan uses it
        desired_state.toml:10: error: managed_things.pump-1.thing: things.pump-3 is not declared in this file; expected a name in [things.*], or { id = "…" } for a resource outside this file; did you mean 'pump-1'?
        """,
    ),
    InvalidCase(
        "an invalid table in an array hides no problem of the array",
        """
        [custom_metrics.battery]
        metric_type = "number"

        [dimensions.commands]
        string_values = ["commands/#"]

        [[security_profiles.devices.behaviors]]
        name = "few"
        metric = "batery"
        metric_dimension = { dimension_name = "commads" }
        criteria = { comparison_operator = "less-thn", value = { numbr = 3 } }

        [[security_profiles.devices.behaviors]]
        metric = "aws:num-messages-sent"
        criteria = { comparison_operator = "in-sett" }
        """,
        """
        desired_state.toml:9: error: security_profiles.devices.behaviors[0].metric: custom_metrics.batery is not declared in this file; expected a name in [custom_metrics.*], or { id = "…" } for a resource outside this file; did you mean 'battery'?
        desired_state.toml:10: error: security_profiles.devices.behaviors[0].metric_dimension.dimension_name: dimensions.commads is not declared in this file; expected a name in [dimensions.*], or { id = "…" } for a resource outside this file; did you mean 'commands'?
        desired_state.toml:11: error: security_profiles.devices.behaviors[0].criteria.comparison_operator: 'less-thn' is not valid; expected one of 'less-than', 'less-than-equals', 'greater-than', 'greater-than-equals', 'in-cidr-set', 'not-in-cidr-set', 'in-port-set', 'not-in-port-set', 'in-set', 'not-in-set'; did you mean 'less-than'?
        desired_state.toml:11: error: security_profiles.devices.behaviors[0].criteria.value.numbr: unknown key; did you mean 'number'?
        desired_state.toml:13: error: security_profiles.devices.behaviors[1].name: required key is missing; expected a string
        desired_state.toml:15: error: security_profiles.devices.behaviors[1].criteria.comparison_operator: 'in-sett' is not valid; expected one of 'less-than', 'less-than-equals', 'greater-than', 'greater-than-equals', 'in-cidr-set', 'not-in-cidr-set', 'in-port-set', 'not-in-port-set', 'in-set', 'not-in-set'; did you mean 'in-set'?
        """,
    ),
    InvalidCase(
        "a name that is not one of AWS's choices is reported with the nearest",
        """
        [notification_configurations.DEVICE_EVNT]
        destination = { id = "streams" }
        """,
        """
        desired_state.toml:1: error: notification_configurations.DEVICE_EVNT: the name: 'DEVICE_EVNT' is not valid; expected one of 'DEVICE_COMMAND', 'DEVICE_COMMAND_REQUEST', 'DEVICE_DISCOVERY_STATUS', 'DEVICE_EVENT', 'DEVICE_LIFE_CYCLE', 'DEVICE_STATE', 'DEVICE_OTA', 'DEVICE_WSS', 'CONNECTOR_ASSOCIATION', 'ACCOUNT_ASSOCIATION', 'CONNECTOR_ERROR_REPORT'; did you mean 'DEVICE_EVENT'?
        """,
    ),
    InvalidCase(
        "an unknown key is reported with the nearest valid name",
        """
        [things.pump-1]
        atributes = { site = "oslo" }
        dependson = []
        livecycle = {}
        """,
        """
        desired_state.toml:2: error: things.pump-1.atributes: unknown key; did you mean 'attributes'?
        desired_state.toml:3: error: things.pump-1.dependson: unknown key; did you mean 'depends_on'?
        desired_state.toml:4: error: things.pump-1.livecycle: unknown key; did you mean 'lifecycle'?
        """,
    ),
    InvalidCase(
        "an empty value of a required key is reported, also in an inner table",
        """
        [dimensions.alarms]
        string_values = []

        [scheduled_audits.daily]
        frequency = "DAILY"
        target_check_names = []

        [topic_rule_destinations.kafka]
        vpc = { vpc_id = "", subnet_ids = [], role_arn = "arn:aws:iam::123456789012:role/rules" }

        [topic_rules.values]
        sql = "SELECT * FROM 'a'"

        [[topic_rules.values.actions]]
        iot_site_wise.role_arn = "arn:aws:iam::123456789012:role/rules"
        iot_site_wise.put_asset_property_value_entries = [
            { property_alias = "/a", property_values = [{ value = {}, timestamp = { time_in_seconds = "1" } }] },
        ]
        """,
        """
        desired_state.toml:2: error: dimensions.alarms.string_values: empty; expected at least one item
        desired_state.toml:6: error: scheduled_audits.daily.target_check_names: empty; expected at least one item
        desired_state.toml:9: error: topic_rule_destinations.kafka.vpc.subnet_ids: empty; expected at least one item
        desired_state.toml:9: error: topic_rule_destinations.kafka.vpc.vpc_id: empty; expected a value
        desired_state.toml:17: error: topic_rules.values.actions[0].iot_site_wise.put_asset_property_value_entries[0].property_values[0].value: empty; expected at least one key with a value
        """,
    ),
    InvalidCase(
        "a missing required key is reported with the value that it takes",
        """
        [ca_certificates.factory]

        [managed_things.pump-1]
        """,
        """
        desired_state.toml:1: error: ca_certificates.factory.pem: required key is missing; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:3: error: managed_things.pump-1.authentication_material: required key is missing; expected { env = "NAME" }, { file = "path" }, { ssm = "/name" } or { secretsmanager = "name" }
        desired_state.toml:3: error: managed_things.pump-1.authentication_material_type: required key is missing; expected a string
        desired_state.toml:3: error: managed_things.pump-1.role: required key is missing; expected one of 'CONTROLLER', 'DEVICE'
        """,
    ),
    InvalidCase(
        "no value is converted to a string",
        """
        [things.pump-1]
        attributes = { serial = 5, spare = true, since = 2024-01-01, weight = 1.5, "two words" = [], x = {} }
        """,
        """
        desired_state.toml:2: error: things.pump-1.attributes.serial: got the integer 5; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.since: got a date or time; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.spare: got true; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.two words: got an array; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.weight: got the number 1.5; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.x: got a table; expected a string
        """,
    ),
    InvalidCase(
        "a map, an array and a reference take no other type",
        """
        [things.pump-1]
        attributes = "oslo"
        certificates = "pump-1"
        thing_type = 5
        """,
        """
        desired_state.toml:2: error: things.pump-1.attributes: got the string 'oslo'; expected a table
        desired_state.toml:3: error: things.pump-1.certificates: got the string 'pump-1'; expected an array, each item a name in this file, { id = "…" } or { arn = "…" }; did you mean '["pump-1"]'?
        desired_state.toml:4: error: things.pump-1.thing_type: got the integer 5; expected a name in this file, { id = "…" } or { arn = "…" }
        """,
    ),
    InvalidCase(
        "a boolean field takes no number",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        certificate_mode = "SNI_ONLY"
        auto_registration = 1
        """,
        """
        desired_state.toml:4: error: ca_certificates.factory.auto_registration: got the integer 1; expected true or false
        """,
    ),
    InvalidCase(
        "an invalid choice is reported with the nearest valid one",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        certificate_mode = "SNI_ONYL"
        status = "active"
        """,
        """
        desired_state.toml:3: error: ca_certificates.factory.certificate_mode: 'SNI_ONYL' is not valid; expected one of 'DEFAULT', 'SNI_ONLY'; did you mean 'SNI_ONLY'?
        desired_state.toml:4: error: ca_certificates.factory.status: 'active' is not valid; expected one of 'ACTIVE', 'INACTIVE'; did you mean 'ACTIVE'?
        """,
    ),
    InvalidCase(
        "the placeholder of a value that is not compared is not a valid value",
        """
        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        certificate_mode = "(not compared)"
        """,
        """
        desired_state.toml:3: error: certificates.pump-1.certificate_mode: '(not compared)' is not valid; expected one of 'DEFAULT', 'SNI_ONLY'
        """,
    ),
    InvalidCase(
        "a reference is a name, an id or an ARN",
        """
        [things.pump-1]
        certificates = [
          1,
          { id = "" },
          { arn = "cert/123" },
          { id = "1", arn = "arn:aws:iot:eu-west-1:123456789012:cert/1" },
          { name = "pump-1" },
        ]
        """,
        """
        desired_state.toml:3: error: things.pump-1.certificates[0]: got the integer 1; expected a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:4: error: things.pump-1.certificates[1]: not a valid table; expected a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:5: error: things.pump-1.certificates[2]: 'cert/123' is not a valid ARN; expected arn:partition:service:region:account:resource
        desired_state.toml:6: error: things.pump-1.certificates[3]: not a valid table; expected a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:7: error: things.pump-1.certificates[4]: not a valid table; expected a name in this file, { id = "…" } or { arn = "…" }
        """,
    ),
    InvalidCase(
        "a name or ID outside the file is one that AWS allows",
        """
        [things.pump-1]
        thing_groups = [{ id = "hall" }, { id = "hall 1" }]
        certificates = [{ id = "123" }]
        """,
        """
        desired_state.toml:2: error: things.pump-1.thing_groups[1]: 'hall 1' is not accepted by AWS; expected a match of [a-zA-Z0-9:_-]+
        desired_state.toml:3: error: things.pump-1.certificates[0]: 3 characters; expected at least 64 and at most 64
        """,
    ),
    InvalidCase(
        "a dangling reference is reported with the nearest name",
        """
        [things.pump-1]
        certificates = ["pmup-1", "certificates.pump-1"]

        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        ca = "factory"
        """,
        """
        desired_state.toml:2: error: things.pump-1.certificates[0]: certificates.pmup-1 is not declared in this file; expected a name in [certificates.*], or { id = "…" } for a resource outside this file; did you mean 'pump-1'?
        desired_state.toml:2: error: things.pump-1.certificates[1]: certificates.certificates.pump-1 is not declared in this file; expected a name in [certificates.*], or { id = "…" } for a resource outside this file; did you mean 'pump-1'?
        desired_state.toml:6: error: certificates.pump-1.ca: ca_certificates.factory is not declared in this file; expected a name in [ca_certificates.*], or { id = "…" } for a resource outside this file
        """,
    ),
    InvalidCase(
        "a dangling reference is reported with the syntax for resources outside the file",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material = { file = "pki/qr.txt" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        credential_locker = "locker"
        """,
        """
        desired_state.toml:5: error: managed_things.pump-1.credential_locker: credential_lockers.locker is not declared in this file; expected a name in [credential_lockers.*], or { id = "…" } for a resource outside this file
        """,
    ),
    InvalidCase(
        "a duplicate table in an array, with a map in it, is reported",
        """
        [topic_rules.telemetry]
        sql = "SELECT * FROM 'pumps'"
        actions = [
          { kafka = { destination = { arn = "arn:aws:iot:eu-west-1:123456789012:ruledestination/vpc/1" }, topic = "t", client_properties = { a = "1" } } },
          { kafka = { destination = { arn = "arn:aws:iot:eu-west-1:123456789012:ruledestination/vpc/1" }, topic = "t", client_properties = { a = "1" } } },
        ]
        """,
        """
        desired_state.toml:5: error: topic_rules.telemetry.actions[1]: this table is listed twice; expected each item once
        """,
    ),
    InvalidCase(
        "a duplicate reference is reported",
        """
        [things.pump-1]
        certificates = ["pump-1", "pump-1"]

        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        """,
        """
        desired_state.toml:2: error: things.pump-1.certificates[1]: 'pump-1' is listed twice; expected each item once
        """,
    ),
    InvalidCase(
        "a reference to an invalid resource is not reported as dangling",
        """
        [things.pump-1]
        certificates = ["pump-1"]

        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        stauts = "ACTIVE"
        """,
        """
        desired_state.toml:6: error: certificates.pump-1.stauts: unknown key; did you mean 'status'?
        """,
    ),
    InvalidCase(
        "depends_on takes addresses of declared resources, which are checked if all items are strings",
        """
        [things.pump-1]
        depends_on = ["pump-2", "things.pump-3", "thing.pump-2", 5]

        [things.pump-2]
        depends_on = ["pump-1", "things.pump-3", "thing.pump-1"]
        """,
        """
        desired_state.toml:2: error: things.pump-1.depends_on[3]: got the integer 5; expected a string
        desired_state.toml:5: error: things.pump-2.depends_on[0]: 'pump-1' is not a valid address; expected kind.name, such as 'things.pump-7'
        desired_state.toml:5: error: things.pump-2.depends_on[1]: things.pump-3 is not declared in this file; did you mean 'things.pump-2'?
        desired_state.toml:5: error: things.pump-2.depends_on[2]: thing.pump-1 is not declared in this file; did you mean 'things.pump-1'?
        """,
    ),
    InvalidCase(
        "a dependency cycle is reported as a closed path",
        """
        [things.c]
        depends_on = ["things.b"]

        [things.b]
        depends_on = ["things.a"]

        [things.a]
        depends_on = ["things.c"]
        """,
        """
        desired_state.toml:7: error: things.a: dependency cycle: things.a → things.b → things.c → things.a; remove one of these dependencies
        """,
    ),
    InvalidCase(
        "every resource of a dependency cycle is in one of the reported cycles",
        """
        [things.a]
        depends_on = ["things.a"]

        [things.b]
        depends_on = ["things.c", "things.d"]

        [things.c]
        depends_on = ["things.b"]

        [things.d]
        depends_on = ["things.b"]
        """,
        """
        desired_state.toml:1: error: things.a: dependency cycle: things.a → things.a; remove one of these dependencies
        desired_state.toml:4: error: things.b: dependency cycle: things.b → things.c → things.b; remove one of these dependencies
        desired_state.toml:4: error: things.b: dependency cycle: things.b → things.d → things.b; remove one of these dependencies
        """,
    ),
    InvalidCase(
        "a reference and a depends_on can make a cycle",
        """
        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        depends_on = ["things.pump-1"]

        [things.pump-1]
        certificates = ["pump-1"]
        """,
        """
        desired_state.toml:1: error: certificates.pump-1: dependency cycle: certificates.pump-1 → things.pump-1 → certificates.pump-1; remove one of these dependencies
        """,
    ),
    InvalidCase(
        "a lifecycle has no keys but prevent_destroy and ignore_changes, which takes fields",
        """
        [things.pump-1]
        lifecycle = { prevent_destroy = "yes", ignore_change = [] }

        [things.pump-2]
        lifecycle = { ignore_changes = ["atributes.firmware", "thing_type.name", "attributes.", "attributes.firmware"] }

        [things.pump-3]
        lifecycle = { ignore_changes = "attributes" }
        """,
        """
        desired_state.toml:2: error: things.pump-1.lifecycle.ignore_change: unknown key; did you mean 'ignore_changes'?
        desired_state.toml:2: error: things.pump-1.lifecycle.prevent_destroy: got the string 'yes'; expected true or false
        desired_state.toml:5: error: things.pump-2.lifecycle.ignore_changes[0]: 'atributes' is not a field of a thing; did you mean 'attributes'?
        desired_state.toml:5: error: things.pump-2.lifecycle.ignore_changes[1]: 'thing_type.name' is not a valid path; expected 'thing_type' as a whole
        desired_state.toml:5: error: things.pump-2.lifecycle.ignore_changes[2]: 'attributes.' is not a valid path; expected attributes.KEY
        desired_state.toml:8: error: things.pump-3.lifecycle.ignore_changes: got the string 'attributes'; expected an array, each item a string; did you mean '["attributes"]'?
        """,
    ),
    InvalidCase(
        "names must be accepted by AWS",
        """
        [things."pump 1"]

        [thing_groups."green/house"]
        """,
        """
        desired_state.toml:1: error: things.pump 1: the name: 'pump 1' is not accepted by AWS; expected a match of [a-zA-Z0-9:_-]+
        desired_state.toml:3: error: thing_groups.green/house: the name: 'green/house' is not accepted by AWS; expected a match of [a-zA-Z0-9:_-]+
        """,
    ),
    InvalidCase(
        "a name is neither empty nor too long and has no control characters",
        r"""
        [things.""]

        [certificates."pump\u001b[31m1"]
        pem = { file = "pki/pump-1.pem" }

        [managed_things."LONG257"]
        """.replace("LONG257", "n" * 257),
        r"""
        desired_state.toml:1: error: things.'': the name is empty; expected a name
        desired_state.toml:3: error: certificates.'pump\x1b[31m1': the name contains control characters; expected printable characters
        desired_state.toml:6: error: managed_things.'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…': the name has 257 characters; expected at most 256
        desired_state.toml:6: error: managed_things.'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…'.authentication_material: required key is missing; expected { env = "NAME" }, { file = "path" }, { ssm = "/name" } or { secretsmanager = "name" }
        desired_state.toml:6: error: managed_things.'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…'.authentication_material_type: required key is missing; expected a string
        desired_state.toml:6: error: managed_things.'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…'.role: required key is missing; expected one of 'CONTROLLER', 'DEVICE'
        """,
    ),
    InvalidCase(
        "the prefix of reconciler's own tags and attributes is reserved",
        """
        [thing_groups.hall]
        tags = { "reconciler:workspace" = "other" }
        attributes = { "reconciler:lease" = "mine" }
        """,
        """
        desired_state.toml:2: error: thing_groups.hall.tags.reconciler:workspace: the prefix 'reconciler:' is reserved for reconciler's own entries; expected another key
        desired_state.toml:3: error: thing_groups.hall.attributes.reconciler:lease: the prefix 'reconciler:' is reserved for reconciler's own entries; expected another key
        """,
    ),
    InvalidCase(
        "control characters in reports are escaped",
        r"""
        [things.pump-1]
        "\u001b[2J" = "x"
        certificates = ["\u001b]0;owned\u0007"]
        thing_type = { "\u202Ename" = "x" }
        """,
        r"""
        desired_state.toml:2: error: things.pump-1.'\x1b[2J': unknown key; expected one of {keys of things}
        desired_state.toml:3: error: things.pump-1.certificates[0]: certificates.'\x1b]0;owned\x07' is not declared in this file; expected a name in [certificates.*], or { id = "…" } for a resource outside this file
        desired_state.toml:4: error: things.pump-1.thing_type: not a valid table; expected a name in this file, { id = "…" } or { arn = "…" }
        """,
    ),
)
