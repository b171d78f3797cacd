"""Values that violate AWS's limits."""

from reconciler.model.pem import Pem
from tests.engine.load.invalid.case import InvalidCase

CASES = (
    InvalidCase(
        "a thing without a type has at most three attributes",
        """
        [things.pump-1]
        attributes.a = "1"
        attributes.b = "2"
        attributes.c = "3"
        attributes.d = "4"
        """,
        """
        desired_state.toml:2: error: things.pump-1.attributes: 4 attributes on a thing without a type; expected at most 3, or a thing_type
        """,
    ),
    InvalidCase(
        "attributes must respect AWS's characters and lengths",
        """
        [things.pump-1]
        attributes = { "two words" = "x", site = "Östra Ny", note = "LONG801" }
        """.replace("LONG801", "n" * 801),
        r"""
        desired_state.toml:2: error: things.pump-1.attributes.note: 801 characters; expected at most 800
        desired_state.toml:2: error: things.pump-1.attributes.site: 'Östra Ny' is not accepted by AWS; expected a match of [a-zA-Z0-9_.,@/:#=\[\]-]*
        desired_state.toml:2: error: things.pump-1.attributes.two words: the key: 'two words' is not accepted by AWS; expected a match of [a-zA-Z0-9_.,@/:#-]+
        """,
    ),
    InvalidCase(
        "a certificate in PEM is not longer than AWS accepts",
        """
        [certificates.pump-1]
        pem = { file = "long.pem" }
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.pem: 67,764 characters; expected at most 65536
        desired_state.toml:2: error: certificates.pump-1.pem: not a valid X.509 certificate: it is not DER; expected a certificate in PEM
        """,
        other_files={"long.pem": Pem("", bytes(50_000)).text or ""},
    ),
    InvalidCase(
        "tags must respect AWS's characters, lengths and reserved prefix",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        certificate_mode = "SNI_ONLY"
        tags = { "aws:line" = "A", "" = "B", "a*b" = "C", ort = "LONG257" }
        """.replace("LONG257", "n" * 257),
        r"""
        desired_state.toml:4: error: ca_certificates.factory.tags.'': the key: 0 characters; expected at least 1 and at most 128
        desired_state.toml:4: error: ca_certificates.factory.tags.a*b: the key: 'a*b' is not accepted by AWS; expected a match of ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$
        desired_state.toml:4: error: ca_certificates.factory.tags.aws:line: the prefix 'aws:' is AWS's own; expected another key
        desired_state.toml:4: error: ca_certificates.factory.tags.ort: 257 characters; expected at most 256
        """,
    ),
    InvalidCase(
        "a tag's key accepts letters of every script but no symbol such as a snowman",
        """
        [thing_groups.hall]
        tags = { "größe" = "x", "名前" = "x", "☃" = "x" }
        """,
        r"""
        desired_state.toml:2: error: thing_groups.hall.tags.☃: the key: '☃' is not accepted by AWS; expected a match of ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$
        """,
    ),
    InvalidCase(
        "a resource has at most fifty tags",
        """
        [thing_groups.hall]
        tags = { TAGS51 }
        """.replace("TAGS51", ", ".join(f't{n} = "x"' for n in range(51))),
        """
        desired_state.toml:2: error: thing_groups.hall.tags: 51 entries; expected at most 50
        """,
    ),
    InvalidCase(
        "a managed thing must respect AWS's limits",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material = { file = "pki/qr.txt" }
        authentication_material_type = "ZWAVE_QRBAR_CODE"
        name = "pump #1"
        serial_number = "SN/1"
        brand = ""
        owner = "LONG65"
        """.replace("LONG65", "n" * 65),
        r"""
        desired_state.toml:4: error: managed_things.pump-1.authentication_material_type: 'ZWAVE_QRBAR_CODE' is not valid; expected one of 'CUSTOM_PROTOCOL_QR_BAR_CODE', 'WIFI_SETUP_QR_BAR_CODE', 'ZWAVE_QR_BAR_CODE', 'ZIGBEE_QR_BAR_CODE', 'DISCOVERED_DEVICE', 'PRE_ONBOARDED_CLOUD'; did you mean 'ZWAVE_QR_BAR_CODE'?
        desired_state.toml:5: error: managed_things.pump-1.name: 'pump #1' is not accepted by AWS; expected a match of [\p{L}\p{N} ._-]+
        desired_state.toml:6: error: managed_things.pump-1.serial_number: 'SN/1' is not accepted by AWS; expected a match of [A-Za-z0-9-_ ]+
        desired_state.toml:7: error: managed_things.pump-1.brand: 0 characters; expected at least 1 and at most 128
        desired_state.toml:8: error: managed_things.pump-1.owner: 65 characters; expected at most 64
        """,
    ),
    InvalidCase(
        "a text from a file has the same limits as a text in the TOML file",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material = { file = "pki/qr.txt" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        serial_number = { file = "pki/note.txt" }
        classification = { env = "X" }
        brand = { file = "pki/latin-1.txt" }
        capabilities = { file = "pki/note.txt" }
        """,
        r"""
        desired_state.toml:5: error: managed_things.pump-1.serial_number: the value is not accepted by AWS; expected a match of [A-Za-z0-9-_ ]+
        desired_state.toml:6: error: managed_things.pump-1.classification: not a valid table; expected a string, or { file = "path" } for long text
        desired_state.toml:7: error: managed_things.pump-1.brand: the file 'pki/latin-1.txt' is not UTF-8 text
        desired_state.toml:8: error: managed_things.pump-1.capabilities: the value is not accepted by AWS; expected a match of [a-zA-Z0-9\s'\x{0022},.:\\\/{$}\[\]=_\-\+]+
        """,
    ),
    InvalidCase(
        "a name taken from the address has the same limits as an explicit name",
        """
        [managed_things."pump/1"]
        role = "DEVICE"
        authentication_material = { file = "pki/qr.txt" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        """,
        r"""
        desired_state.toml:1: error: managed_things.pump/1.name: 'pump/1' is not accepted by AWS; expected a match of [\p{L}\p{N} ._-]+
        """,
    ),
    InvalidCase(
        "the ID of a resource outside the file has the same limits as a name",
        """
        [things.pump-1]
        thing_type = { id = "pump type" }
        """,
        """
        desired_state.toml:2: error: things.pump-1.thing_type: 'pump type' is not accepted by AWS; expected a match of [a-zA-Z0-9:_-]+
        """,
    ),
    InvalidCase(
        "a description is printable ASCII",
        """
        [thing_groups.hall]
        description = "Die große Halle"
        """,
        r"""
        desired_state.toml:2: error: thing_groups.hall.description: 'Die große Halle' is not accepted by AWS; expected a match of [\p{Graph}\x20]*
        """,
    ),
    InvalidCase(
        "the values in a capability report must respect AWS's limits",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material = { file = "pki/qr.txt" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"

        [managed_things.pump-1.capability_report]
        version = "1.0.1"
        nodeID = "n"
        endpoints = [
            { id = "one-two", deviceTypes = ["Light", 7], capabilities = [] },
            { id = "2", deviceTypes = "Light" },
        ]
        """,
        r"""
        desired_state.toml:7: error: managed_things.pump-1.capability_report.version: '1.0.1' is not accepted by AWS; expected a match of 1\.0\.0
        desired_state.toml:8: error: managed_things.pump-1.capability_report.nodeID: unknown key; expected one of 'version', 'nodeId', 'endpoints'; did you mean 'nodeId'?
        desired_state.toml:10: error: managed_things.pump-1.capability_report.endpoints[0].deviceTypes[1]: got the integer 7; expected a string
        desired_state.toml:10: error: managed_things.pump-1.capability_report.endpoints[0].id: 'one-two' is not accepted by AWS; expected a match of [0-9a-zA-Z]+
        desired_state.toml:11: error: managed_things.pump-1.capability_report.endpoints[1]: 'capabilities' is missing; expected all of id, deviceTypes, capabilities
        desired_state.toml:11: error: managed_things.pump-1.capability_report.endpoints[1].deviceTypes: got the string 'Light'; expected an array
        """,
    ),
    InvalidCase(
        "a capability schema and a Wi-Fi simple setup must respect AWS's limits",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material = { file = "pki/qr.txt" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        capability_schemas = [{ Format = "ZLC", CapabilityId = "x", ExtrinsicId = "0x1", ExtrinsicVersion = 11, Schema = { anything = 1 } }]

        [managed_things.pump-1.wi_fi_simple_setup_configuration]
        enable_as_provisioner = true
        enable_as_provisionee = false
        timeout_in_minutes = 16
        """,
        r"""
        desired_state.toml:5: error: managed_things.pump-1.capability_schemas[0].CapabilityId: 1 character; expected at least 7 and at most 128
        desired_state.toml:5: error: managed_things.pump-1.capability_schemas[0].ExtrinsicVersion: 11 is too large; expected at most 10
        desired_state.toml:5: error: managed_things.pump-1.capability_schemas[0].Format: 'ZLC' is not valid; expected one of 'AWS', 'ZCL', 'CONNECTOR'; did you mean 'ZCL'?
        desired_state.toml:10: error: managed_things.pump-1.wi_fi_simple_setup_configuration.timeout_in_minutes: 16 is too large; expected at most 15
        """,
    ),
)
