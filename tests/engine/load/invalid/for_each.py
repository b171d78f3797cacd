"""Tables with `for_each`: what is wrong in the table is told once, what is wrong in a row with its place."""

from tests.engine.load.invalid.case import Broken

_THINGS = """
    [things."pump-{serial}"]
    for_each = { file = "devices.csv" }
    attributes = { site = "{site}" }
"""
_HERE = "desired_state.toml:2: error: things.pump-{serial}.for_each"

_TABLES = (
    Broken(
        "an unknown column is told with the nearest, or with all",
        """
        [things."pump-{serail}"]
        for_each = { file = "devices.csv" }
        attributes = { site = "{lamp}", "{sites}" = "x" }
        """,
        """
        desired_state.toml:1: error: things.pump-{serail}: there is no column 'serail'; did you mean 'serial'?
        desired_state.toml:3: error: things.pump-{serail}.attributes.site: there is no column 'lamp'; expected one of 'serial', 'site'; {{ and }} are the braces themselves
        desired_state.toml:3: error: things.pump-{serail}.attributes.{sites}: there is no column 'sites'; did you mean 'site'?
        """,
        {"devices.csv": "serial,site\n1,oslo\n"},
    ),
    Broken(
        "nothing is looked up in a value, and nothing is formatted",
        """
        [thing_groups."hall-{n}"]
        for_each = [{ n = "1" }]
        description = "{n.__class__} {n[0]} {n!r} {n:>9} {} { n}"
        """,
        """
        desired_state.toml:3: error: thing_groups.hall-{n}.description: there is no column ' n'; did you mean 'n'?
        desired_state.toml:3: error: thing_groups.hall-{n}.description: there is no column ''; expected 'n'; {{ and }} are the braces themselves
        desired_state.toml:3: error: thing_groups.hall-{n}.description: there is no column 'n!r'; expected 'n'; {{ and }} are the braces themselves
        desired_state.toml:3: error: thing_groups.hall-{n}.description: there is no column 'n.__class__'; expected 'n'; {{ and }} are the braces themselves
        desired_state.toml:3: error: thing_groups.hall-{n}.description: there is no column 'n:>9'; expected 'n'; {{ and }} are the braces themselves
        desired_state.toml:3: error: thing_groups.hall-{n}.description: there is no column 'n[0]'; expected 'n'; {{ and }} are the braces themselves
        """,
    ),
    Broken(
        "a brace alone is told",
        """
        [thing_groups."hall-{n}"]
        for_each = [{ n = "1" }]
        description = "a { b"
        attributes = { x = "a } b" }
        """,
        """
        desired_state.toml:3: error: thing_groups.hall-{n}.description: a { without a }; expected {column}, or {{ for { itself
        desired_state.toml:4: error: thing_groups.hall-{n}.attributes.x: a } without a {; expected {column}, or }} for } itself
        """,
    ),
    Broken(
        "a name without a column is the same in every row",
        """
        [things.pump]
        for_each = { file = "devices.csv" }
        """,
        """
        desired_state.toml:1: error: things.pump: every row makes the same name; expected a name with {serial} or {site} in it
        """,
        {"devices.csv": "serial,site\n1,oslo\n"},
    ),
    Broken(
        "what is wrong in the table is told once, whatever its rows, and even without any",
        """
        [things."pump-{serial}"]
        for_each = { file = "devices.csv" }
        thing_type = 5
        "{site}" = "x"
        certificates = ["pump-9"]

        [ca_certificates."{serial}"]
        for_each = []
        status = "GONE"
        """,
        """
        desired_state.toml:3: error: things.pump-{serial}.thing_type: the integer 5; expected a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:4: error: things.pump-{serial}.{site}: unknown key; expected one of {keys of things}
        desired_state.toml:5: error: things.pump-{serial}.certificates[0]: there is no certificates.pump-9 in this file; expected a name in [certificates.*], or { id = "…" } for one outside this file
        desired_state.toml:7: error: ca_certificates.{serial}.pem: missing; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:9: error: ca_certificates.{serial}.status: 'GONE' is not valid; expected one of 'ACTIVE', 'INACTIVE'
        """,
        {"devices.csv": "serial,site\n1,oslo\n2,bergen\n"},
    ),
    Broken(
        "a table is not nested without end",
        f"""
        [policies."{{n}}"]
        for_each = [{{ n = "1" }}]
        document.x = {"[" * 80}{"]" * 80}
        """,
        f"""
        desired_state.toml:3: error: policies.{{n}}.document.x{"[0]" * 63}: nested too deeply; expected at most 64 levels
        """,
    ),
)

_ROWS = (
    Broken(
        "a value that is wrong is told with its row and its columns",
        """
        [things."pump-{serial}"]
        for_each = { file = "devices.csv" }
        attributes = { "{key}" = "{site}" }

        [managed_things."{serial}"]
        for_each = { file = "devices.csv" }
        role = "{role}"
        authentication_material = { file = "{serial}.txt" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        depends_on = ["things.{serial}"]
        lifecycle = { ignore_changes = ["{key}"] }
        """,
        """
        desired_state.toml:1: error: things.pump-2 b: devices.csv:5, column 'serial': the name: 'pump-2 b' is not what AWS takes; expected a match of [a-zA-Z0-9:_-]+
        desired_state.toml:3: error: things.pump-1.attributes.house: devices.csv:2, columns 'key' and 'site': 'o\\ns' is not what AWS takes; expected a match of [a-zA-Z0-9_.,@/:#=\\[\\]-]*
        desired_state.toml:7: error: managed_things.2 b.role: devices.csv:5, column 'role': 'DEVISE' is not valid; expected one of 'CONTROLLER', 'DEVICE'; did you mean 'DEVICE'?
        desired_state.toml:8: error: managed_things.1.authentication_material: devices.csv:2, column 'serial': the file '1.txt' cannot be read: No such file or directory
        desired_state.toml:8: error: managed_things.2 b.authentication_material: devices.csv:5, column 'serial': the file '2 b.txt' cannot be read: No such file or directory
        desired_state.toml:10: error: managed_things.1.depends_on[0]: devices.csv:2, column 'serial': there is no things.1 in this file
        desired_state.toml:10: error: managed_things.2 b.depends_on[0]: devices.csv:5, column 'serial': there is no things.2 b in this file
        desired_state.toml:11: error: managed_things.1.lifecycle.ignore_changes[0]: devices.csv:2, column 'key': 'house' is no field of a managed thing
        desired_state.toml:11: error: managed_things.2 b.lifecycle.ignore_changes[0]: devices.csv:5, column 'key': 'site' is no field of a managed thing
        """,
        {"devices.csv": 'serial,key,site,role\n1,house,"o\ns",DEVICE\n\n2 b,site,oslo,DEVISE\n'},
    ),
    Broken(
        "what is wrong in every row is told once",
        _THINGS,
        """
        desired_state.toml:3: error: things.pump-{serial}.attributes.site: in every row of devices.csv, column 'site': 'o s' is not what AWS takes; expected a match of [a-zA-Z0-9_.,@/:#=\\[\\]-]*
        """,
        {"devices.csv": "serial,site\n1,o s\n2,o s\n"},
    ),
    Broken(
        "many rows that are wrong alike are told by the first twenty and their number",
        """
        [things."{serial}"]
        for_each = { file = "devices.csv" }
        thing_groups = ["{group}"]
        """,
        "".join(
            f"desired_state.toml:3: error: things.n{number}.thing_groups[0]: devices.csv:{number + 2}, column 'group': there is no thing_groups.g{'abc'[number % 3]} in this file; expected a name in [thing_groups.*], or {{ id = \"…\" }} for one outside this file\n"
            for number in range(20)
        )
        + """desired_state.toml:3: error: things.{serial}.thing_groups[0]: and 9,980 more rows like these\n""",
        {"devices.csv": "serial,group\n" + "".join(f"n{n},g{'abc'[n % 3]}\n" for n in range(10_000))},
    ),
    Broken(
        "rows that cannot be read are told by the first twenty and their number",
        _THINGS,
        "".join(
            f"{_HERE}: devices.csv:{line}: 1 value; expected 2, one for each column\n"
            for line in range(2, 22)
        )
        + f"{_HERE}: and 1 more row like these\n",
        {"devices.csv": "serial,site\n" + "x\n" * 21},
    ),
    Broken(
        "two rows that make the same address are both named",
        """
        [things."pump-{serial}"]
        for_each = { file = "devices.csv" }

        [things."pump-{n}"]
        for_each = [{ n = 1 }, { n = 7 }]

        [things.pump-2]
        """,
        """
        desired_state.toml:1: error: things.pump-1: devices.csv:4, column 'serial': declared twice; the first is at desired_state.toml:1 (devices.csv:2)
        desired_state.toml:4: error: things.pump-1: for_each[0], column 'n': declared twice; the first is at desired_state.toml:1 (devices.csv:2)
        desired_state.toml:7: error: things.pump-2: declared twice; the first is at desired_state.toml:1 (devices.csv:3)
        """,
        {"devices.csv": "serial\n1\n2\n1\n"},
    ),
    Broken(
        "two keys that become one are told",
        """
        [things."pump-{serial}"]
        for_each = { file = "devices.csv" }
        attributes = { "{site}" = "1", house = "2" }
        """,
        """
        desired_state.toml:3: error: things.pump-2.attributes.house: devices.csv:3, column 'site': two keys become 'house'; expected each key once
        """,
        {"devices.csv": "serial,site\n1,oslo\n2,house\n"},
    ),
    Broken(
        "a path that a row makes stays in the folder",
        """
        [certificates."pump-{n}"]
        for_each = [{ n = "../outside" }, { n = "/etc/hostname" }, { n = "{n}" }]
        pem = { file = "{n}" }
        """,
        """
        desired_state.toml:3: error: certificates.pump-../outside.pem: for_each[0], column 'n': '../outside' is outside the folder of the file that names it; expected a file in that folder
        desired_state.toml:3: error: certificates.pump-/etc/hostname.pem: for_each[1], column 'n': '/etc/hostname' is outside the folder of the file that names it; expected a file in that folder
        desired_state.toml:3: error: certificates.pump-{n}.pem: for_each[2], column 'n': the file '{n}' cannot be read: No such file or directory
        """,
    ),
    Broken(
        "one certificate in two rows is told with both",
        """
        [certificates."pump-{serial}"]
        for_each = { file = "devices.csv" }
        pem = { file = "pki/{pem}.pem" }
        """,
        """
        desired_state.toml:3: error: certificates.pump-10.pem: devices.csv:3, column 'pem': the same device certificate as certificates.pump-9 at desired_state.toml:1 (devices.csv:2); expected each once
        """,
        {"devices.csv": "serial,pem\n9,pump-1\n10,pump-1\n"},
    ),
    Broken(
        "a cycle in each row is told with the row",
        """
        [things."{a}"]
        for_each = [{ a = "x" }, { a = "y" }]
        depends_on = ["things.{a}"]
        """,
        """
        desired_state.toml:1: error: things.x: for_each[0], column 'a': a cycle, in which each has to exist before the next: things.x → things.x
        desired_state.toml:1: error: things.y: for_each[1], column 'a': a cycle, in which each has to exist before the next: things.y → things.y
        """,
    ),
    Broken(
        "a secret that a manifest holds is not told",
        """
        [managed_things."{n}"]
        for_each = [{ n = "1", code = "c4nary" }, { n = "2", code = "c4nary-2" }]
        role = "DEVICE"
        authentication_material = "{code}"
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        """,
        """
        desired_state.toml:4: error: managed_things.{n}.authentication_material: in every row, column 'code': a secret is never written into the file; expected { env = "NAME" } or { file = "path" }
        """,
    ),
)

CASES = (*_TABLES, *_ROWS)
