"""Keys, types, names, references and cycles."""

from tests.engine.load.invalid.case import Broken

CASES = (
    Broken(
        "a broken key hides nothing of the others",
        """
        [things.pump-1]
        thing_groups = "hall"
        certificates = ["pump-1"]
        attributes = { "two words" = "x" }
        depends_on = ["things.pump-2"]
        lifecycle = { prevent_destroy = 1, ignore_changes = ["colour"] }

        [managed_things.pump-1]
        authentication_material = { env = "PUMP_1_QR" }
        thing = "pump-3"
        depends_on = ["managed_things.pump-1"]
        """,
        """
        desired_state.toml:2: error: things.pump-1.thing_groups: the string 'hall'; expected an array, each a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:3: error: things.pump-1.certificates[0]: there is no certificates.pump-1 in this file; expected a name in [certificates.*], or { id = "…" } for one outside this file
        desired_state.toml:4: error: things.pump-1.attributes.two words: the key: 'two words' is not what AWS takes; expected a match of [a-zA-Z0-9_.,@/:#-]+
        desired_state.toml:5: error: things.pump-1.depends_on[0]: there is no things.pump-2 in this file; did you mean 'things.pump-1'?
        desired_state.toml:6: error: things.pump-1.lifecycle.prevent_destroy: the integer 1; expected true or false
        desired_state.toml:8: error: managed_things.pump-1: a cycle, in which each has to exist before the next: managed_things.pump-1 → managed_things.pump-1
        desired_state.toml:8: error: managed_things.pump-1.authentication_material_type: missing; expected a string
        desired_state.toml:8: error: managed_things.pump-1.role: missing; expected one of 'CONTROLLER', 'DEVICE'
        desired_state.toml:9: warning: managed_things.pump-1.authentication_material: env PUMP_1_QR is not set; expected a value by the time it is needed
        desired_state.toml:10: error: managed_things.pump-1.thing: there is no things.pump-3 in this file; expected a name in [things.*], or { id = "…" } for one outside this file; did you mean 'pump-1'?
        """,
    ),
    Broken(
        "an unknown key is told with the nearest valid name",
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
    Broken(
        "a required key that is missing is told with what it takes",
        """
        [ca_certificates.factory]

        [managed_things.pump-1]
        """,
        """
        desired_state.toml:1: error: ca_certificates.factory.pem: missing; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:3: error: managed_things.pump-1.authentication_material: missing; expected { env = "NAME" } or { file = "path" }
        desired_state.toml:3: error: managed_things.pump-1.authentication_material_type: missing; expected a string
        desired_state.toml:3: error: managed_things.pump-1.role: missing; expected one of 'CONTROLLER', 'DEVICE'
        """,
    ),
    Broken(
        "nothing is turned into a string",
        """
        [things.pump-1]
        attributes = { serial = 5, spare = true, since = 2024-01-01, weight = 1.5, "two words" = [], x = {} }
        """,
        """
        desired_state.toml:2: error: things.pump-1.attributes.serial: the integer 5; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.since: a date or time; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.spare: true; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.two words: an array; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.weight: the number 1.5; expected a string
        desired_state.toml:2: error: things.pump-1.attributes.x: a table; expected a string
        """,
    ),
    Broken(
        "a map is a table and an array is an array",
        """
        [things.pump-1]
        attributes = "oslo"
        certificates = "pump-1"
        thing_type = 5
        """,
        """
        desired_state.toml:2: error: things.pump-1.attributes: the string 'oslo'; expected a table
        desired_state.toml:3: error: things.pump-1.certificates: the string 'pump-1'; expected an array, each a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:4: error: things.pump-1.thing_type: the integer 5; expected a name in this file, { id = "…" } or { arn = "…" }
        """,
    ),
    Broken(
        "a boolean is neither a number nor a string",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        certificate_mode = "SNI_ONLY"
        auto_registration = 1
        """,
        """
        desired_state.toml:4: error: ca_certificates.factory.auto_registration: the integer 1; expected true or false
        """,
    ),
    Broken(
        "a value that is not among the valid ones is told with the nearest",
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
    Broken(
        "what is left to AWS is left out, and never written",
        """
        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        certificate_mode = "(not compared)"
        """,
        """
        desired_state.toml:3: error: certificates.pump-1.certificate_mode: '(not compared)' is not valid; expected one of 'DEFAULT', 'SNI_ONLY'
        """,
    ),
    Broken(
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
        desired_state.toml:3: error: things.pump-1.certificates[0]: the integer 1; expected a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:4: error: things.pump-1.certificates[1]: a table of another form; expected a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:5: error: things.pump-1.certificates[2]: 'cert/123' is not an ARN; expected arn:partition:service:region:account:resource
        desired_state.toml:6: error: things.pump-1.certificates[3]: a table of another form; expected a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:7: error: things.pump-1.certificates[4]: a table of another form; expected a name in this file, { id = "…" } or { arn = "…" }
        """,
    ),
    Broken(
        "a reference to nothing is told with the nearest name",
        """
        [things.pump-1]
        certificates = ["pmup-1"]

        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        ca = "factory"
        """,
        """
        desired_state.toml:2: error: things.pump-1.certificates[0]: there is no certificates.pmup-1 in this file; expected a name in [certificates.*], or { id = "…" } for one outside this file; did you mean 'pump-1'?
        desired_state.toml:6: error: certificates.pump-1.ca: there is no ca_certificates.factory in this file; expected a name in [ca_certificates.*], or { id = "…" } for one outside this file
        """,
    ),
    Broken(
        "a reference to what is not in the file is told how to be written",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material = { file = "pki/qr.txt" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        credential_locker = "locker"
        """,
        """
        desired_state.toml:5: error: managed_things.pump-1.credential_locker: there is no credential_lockers.locker in this file; expected a name in [credential_lockers.*], or { id = "…" } for one outside this file
        """,
    ),
    Broken(
        "what is referred to twice is told",
        """
        [things.pump-1]
        certificates = ["pump-1", "pump-1"]

        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        """,
        """
        desired_state.toml:2: error: things.pump-1.certificates[1]: pump-1 is named twice; expected each at most once
        """,
    ),
    Broken(
        "a broken resource is still there for those that refer to it",
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
    Broken(
        "dependencies are addresses of what is declared",
        """
        [things.pump-1]
        depends_on = ["pump-2", "things.pump-3", "thing.pump-2", 5]

        [things.pump-2]
        depends_on = ["pump-1", "things.pump-3", "thing.pump-1"]
        """,
        """
        desired_state.toml:2: error: things.pump-1.depends_on[3]: the integer 5; expected a string
        desired_state.toml:5: error: things.pump-2.depends_on[0]: 'pump-1' is not an address; expected kind.name, such as things.pump-7
        desired_state.toml:5: error: things.pump-2.depends_on[1]: there is no things.pump-3 in this file; did you mean 'things.pump-2'?
        desired_state.toml:5: error: things.pump-2.depends_on[2]: there is no thing.pump-1 in this file; did you mean 'things.pump-1'?
        """,
    ),
    Broken(
        "a cycle is told as the path that closes it",
        """
        [things.c]
        depends_on = ["things.b"]

        [things.b]
        depends_on = ["things.a"]

        [things.a]
        depends_on = ["things.c"]
        """,
        """
        desired_state.toml:7: error: things.a: a cycle, in which each has to exist before the next: things.a → things.b → things.c → things.a
        """,
    ),
    Broken(
        "each cycle is told once, the shortest way round",
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
        desired_state.toml:1: error: things.a: a cycle, in which each has to exist before the next: things.a → things.a
        desired_state.toml:4: error: things.b: a cycle, in which each has to exist before the next: things.b → things.c → things.b
        desired_state.toml:4: error: things.b: a cycle, in which each has to exist before the next: things.b → things.d → things.b
        """,
    ),
    Broken(
        "a reference and a dependency close a cycle together",
        """
        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        depends_on = ["things.pump-1"]

        [things.pump-1]
        certificates = ["pump-1"]
        """,
        """
        desired_state.toml:1: error: certificates.pump-1: a cycle, in which each has to exist before the next: certificates.pump-1 → things.pump-1 → certificates.pump-1
        """,
    ),
    Broken(
        "a lifecycle has two keys, and what it ignores has to be a field",
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
        desired_state.toml:2: error: things.pump-1.lifecycle.prevent_destroy: the string 'yes'; expected true or false
        desired_state.toml:5: error: things.pump-2.lifecycle.ignore_changes[0]: 'atributes' is no field of a thing; did you mean 'attributes'?
        desired_state.toml:5: error: things.pump-2.lifecycle.ignore_changes[1]: 'thing_type.name' leads nowhere; expected 'thing_type', which has no parts
        desired_state.toml:5: error: things.pump-2.lifecycle.ignore_changes[2]: 'attributes.' leads nowhere; expected attributes.KEY
        desired_state.toml:8: error: things.pump-3.lifecycle.ignore_changes: the string 'attributes'; expected an array, each a string
        """,
    ),
    Broken(
        "names have to be such as AWS takes",
        """
        [things."pump 1"]

        [thing_groups."green/house"]
        """,
        """
        desired_state.toml:1: error: things.pump 1: the name: 'pump 1' is not what AWS takes; expected a match of [a-zA-Z0-9:_-]+
        desired_state.toml:3: error: thing_groups.green/house: the name: 'green/house' is not what AWS takes; expected a match of [a-zA-Z0-9:_-]+
        """,
    ),
    Broken(
        "a name is not empty, not endless and can be read",
        r"""
        [things.""]

        [certificates."pump\u001b[31m1"]
        pem = { file = "pki/pump-1.pem" }

        [managed_things."LONG257"]
        """.replace("LONG257", "n" * 257),
        r"""
        desired_state.toml:1: error: things.'': the name is empty; expected a name
        desired_state.toml:3: error: certificates.'pump\x1b[31m1': the name has control characters; expected a name that can be read
        desired_state.toml:6: error: managed_things.'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…': the name has 257 characters; expected at most 256
        desired_state.toml:6: error: managed_things.'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…'.authentication_material: missing; expected { env = "NAME" } or { file = "path" }
        desired_state.toml:6: error: managed_things.'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…'.authentication_material_type: missing; expected a string
        desired_state.toml:6: error: managed_things.'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…'.role: missing; expected one of 'CONTROLLER', 'DEVICE'
        """,
    ),
    Broken(
        "the prefix of our own marks is kept free",
        """
        [thing_groups.hall]
        tags = { "reconciler:workspace" = "other" }
        attributes = { "reconciler:lease" = "mine" }
        """,
        """
        desired_state.toml:2: error: thing_groups.hall.tags.reconciler:workspace: the prefix 'reconciler:' marks what is owned; expected another key
        desired_state.toml:3: error: thing_groups.hall.attributes.reconciler:lease: the prefix 'reconciler:' marks what is owned; expected another key
        """,
    ),
    Broken(
        "control characters in what is told are inert",
        r"""
        [things.pump-1]
        "\u001b[2J" = "x"
        certificates = ["\u001b]0;owned\u0007"]
        thing_type = { "\u202Ename" = "x" }
        """,
        r"""
        desired_state.toml:2: error: things.pump-1.'\x1b[2J': unknown key; expected one of {keys of things}
        desired_state.toml:3: error: things.pump-1.certificates[0]: there is no certificates.'\x1b]0;owned\x07' in this file; expected a name in [certificates.*], or { id = "…" } for one outside this file
        desired_state.toml:4: error: things.pump-1.thing_type: a table of another form; expected a name in this file, { id = "…" } or { arn = "…" }
        """,
    ),
)
