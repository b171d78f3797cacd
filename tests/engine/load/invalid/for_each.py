"""Invalid tables with `for_each`: problems of the table, and of the rows of its manifest."""

from tests.engine.load.invalid.case import InvalidCase

_THINGS = """
    [things."pump-{serial}"]
    for_each = { file = "devices.csv" }
    attributes = { site = "{site}" }
"""
_FOR_EACH = "desired_state.toml:2: error: things.pump-{serial}.for_each"

_TABLES = (
    InvalidCase(
        "an unknown column is reported with the nearest column or with all columns",
        """
        [things."pump-{serail}"]
        for_each = { file = "devices.csv" }
        attributes = { site = "{lamp}", "{sites}" = "x" }
        """,
        """
        desired_state.toml:1: error: things.pump-{serail}: unknown column 'serail'; did you mean 'serial'?
        desired_state.toml:3: error: things.pump-{serail}.attributes.site: unknown column 'lamp'; expected one of 'serial', 'site', or {{ and }} for literal braces
        desired_state.toml:3: error: things.pump-{serail}.attributes.{sites}: unknown column 'sites'; did you mean 'site'?
        """,
        {"devices.csv": "serial,site\n1,oslo\n"},
    ),
    InvalidCase(
        "format and attribute syntax in braces is an unknown column",
        """
        [thing_groups."hall-{n}"]
        for_each = [{ n = "1" }]
        description = "{n.__class__} {n[0]} {n!r} {n:>9} {} { n}"
        """,
        """
        desired_state.toml:3: error: thing_groups.hall-{n}.description: unknown column ' n'; did you mean 'n'?
        desired_state.toml:3: error: thing_groups.hall-{n}.description: unknown column ''; expected 'n', or {{ and }} for literal braces
        desired_state.toml:3: error: thing_groups.hall-{n}.description: unknown column 'n!r'; expected 'n', or {{ and }} for literal braces
        desired_state.toml:3: error: thing_groups.hall-{n}.description: unknown column 'n.__class__'; expected 'n', or {{ and }} for literal braces
        desired_state.toml:3: error: thing_groups.hall-{n}.description: unknown column 'n:>9'; expected 'n', or {{ and }} for literal braces
        desired_state.toml:3: error: thing_groups.hall-{n}.description: unknown column 'n[0]'; expected 'n', or {{ and }} for literal braces
        """,
    ),
    InvalidCase(
        "an unmatched brace is reported",
        """
        [thing_groups."hall-{n}"]
        for_each = [{ n = "1" }]
        description = "a { b"
        attributes = { x = "a } b" }
        """,
        """
        desired_state.toml:3: error: thing_groups.hall-{n}.description: unmatched {; expected {column}, or {{ for a literal {
        desired_state.toml:4: error: thing_groups.hall-{n}.attributes.x: unmatched }; expected {column}, or }} for a literal }
        """,
    ),
    InvalidCase(
        "a for_each table's name must contain a column",
        """
        [things.pump]
        for_each = { file = "devices.csv" }
        """,
        """
        desired_state.toml:1: error: things.pump: all rows have the same name; expected a name that contains {serial} or {site}
        """,
        {"devices.csv": "serial,site\n1,oslo\n"},
    ),
    InvalidCase(
        "a problem of the table is reported once, even without rows",
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
        desired_state.toml:3: error: things.pump-{serial}.thing_type: got the integer 5; expected a name in this file, { id = "…" } or { arn = "…" }
        desired_state.toml:4: error: things.pump-{serial}.{site}: unknown key; expected one of {keys of things}
        desired_state.toml:5: error: things.pump-{serial}.certificates[0]: certificates.pump-9 is not declared in this file; expected a name in [certificates.*], or { id = "…" } for a resource outside this file
        desired_state.toml:7: error: ca_certificates.{serial}.pem: required key is missing; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:9: error: ca_certificates.{serial}.status: 'GONE' is not valid; expected one of 'ACTIVE', 'INACTIVE'
        """,
        {"devices.csv": "serial,site\n1,oslo\n2,bergen\n"},
    ),
    InvalidCase(
        "the nesting of a for_each table is limited",
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
    InvalidCase(
        "a problem of a row is reported with its row and columns",
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
        desired_state.toml:1: error: things.pump-2 b: devices.csv:5, column 'serial': the name: 'pump-2 b' is not accepted by AWS; expected a match of [a-zA-Z0-9:_-]+
        desired_state.toml:3: error: things.pump-1.attributes.house: devices.csv:2, columns 'key' and 'site': 'o\\ns' is not accepted by AWS; expected a match of [a-zA-Z0-9_.,@/:#=\\[\\]-]*
        desired_state.toml:7: error: managed_things.2 b.role: devices.csv:5, column 'role': 'DEVISE' is not valid; expected one of 'CONTROLLER', 'DEVICE'; did you mean 'DEVICE'?
        desired_state.toml:8: error: managed_things.1.authentication_material: devices.csv:2, column 'serial': there is no file '1.txt'; expected the path of an existing file, from the folder of the file that refers to it
        desired_state.toml:8: error: managed_things.2 b.authentication_material: devices.csv:5, column 'serial': there is no file '2 b.txt'; expected the path of an existing file, from the folder of the file that refers to it
        desired_state.toml:10: error: managed_things.1.depends_on[0]: devices.csv:2, column 'serial': things.1 is not declared in this file
        desired_state.toml:10: error: managed_things.2 b.depends_on[0]: devices.csv:5, column 'serial': things.2 b is not declared in this file
        desired_state.toml:11: error: managed_things.1.lifecycle.ignore_changes[0]: devices.csv:2, column 'key': 'house' is not a field of a managed thing
        desired_state.toml:11: error: managed_things.2 b.lifecycle.ignore_changes[0]: devices.csv:5, column 'key': 'site' is not a field of a managed thing
        """,
        {"devices.csv": 'serial,key,site,role\n1,house,"o\ns",DEVICE\n\n2 b,site,oslo,DEVISE\n'},
    ),
    InvalidCase(
        "a problem that all rows share is reported once",
        _THINGS,
        """
        desired_state.toml:3: error: things.pump-{serial}.attributes.site: in every row of devices.csv, column 'site': 'o s' is not accepted by AWS; expected a match of [a-zA-Z0-9_.,@/:#=\\[\\]-]*
        """,
        {"devices.csv": "serial,site\n1,o s\n2,o s\n"},
    ),
    InvalidCase(
        "a problem of many rows is reported for twenty rows, with the number of the remaining rows",
        """
        [things."{serial}"]
        for_each = { file = "devices.csv" }
        thing_groups = ["{group}"]
        """,
        "".join(
            f"desired_state.toml:3: error: things.n{number}.thing_groups[0]: devices.csv:{number + 2}, column 'group': thing_groups.g{'abc'[number % 3]} is not declared in this file; expected a name in [thing_groups.*], or {{ id = \"…\" }} for a resource outside this file\n"
            for number in range(20)
        )
        + """desired_state.toml:3: error: things.{serial}.thing_groups[0]: and 9,980 more rows like these\n""",
        {"devices.csv": "serial,group\n" + "".join(f"n{n},g{'abc'[n % 3]}\n" for n in range(10_000))},
    ),
    InvalidCase(
        "twenty unreadable rows are reported, with the number of the remaining rows",
        _THINGS,
        "".join(
            f"{_FOR_EACH}: devices.csv:{line}: got 1 value; expected 2, one for each column\n"
            for line in range(2, 22)
        )
        + f"{_FOR_EACH}: and 1 more row like these\n",
        {"devices.csv": "serial,site\n" + "x\n" * 21},
    ),
    InvalidCase(
        "an address that two rows declare is reported with both rows",
        """
        [things."pump-{serial}"]
        for_each = { file = "devices.csv" }

        [things."pump-{n}"]
        for_each = [{ n = 1 }, { n = 7 }]

        [things.pump-2]
        """,
        """
        desired_state.toml:1: error: things.pump-1: devices.csv:4, column 'serial': already declared at desired_state.toml:1 (devices.csv:2); rename or remove one of the two
        desired_state.toml:4: error: things.pump-1: for_each[0], column 'n': already declared at desired_state.toml:1 (devices.csv:2); rename or remove one of the two
        desired_state.toml:7: error: things.pump-2: already declared at desired_state.toml:1 (devices.csv:3); rename or remove one of the two
        """,
        {"devices.csv": "serial\n1\n2\n1\n"},
    ),
    InvalidCase(
        "two keys that become equal with the values of a row are reported",
        """
        [things."pump-{serial}"]
        for_each = { file = "devices.csv" }
        attributes = { "{site}" = "1", house = "2" }
        """,
        """
        desired_state.toml:3: error: things.pump-2.attributes.house: devices.csv:3, column 'site': two keys become 'house'; expected unique keys
        """,
        {"devices.csv": "serial,site\n1,oslo\n2,house\n"},
    ),
    InvalidCase(
        "a path with a value of a row must be in the folder of the TOML file",
        """
        [certificates."pump-{n}"]
        for_each = [{ n = "../outside" }, { n = "/etc/hostname" }, { n = "{n}" }]
        pem = { file = "{n}" }
        """,
        """
        desired_state.toml:3: error: certificates.pump-../outside.pem: for_each[0], column 'n': '../outside' is outside the folder of the file that refers to it; expected a file in that folder
        desired_state.toml:3: error: certificates.pump-/etc/hostname.pem: for_each[1], column 'n': '/etc/hostname' is outside the folder of the file that refers to it; expected a file in that folder
        desired_state.toml:3: error: certificates.pump-{n}.pem: for_each[2], column 'n': there is no file '{n}'; expected the path of an existing file, from the folder of the file that refers to it
        """,
    ),
    InvalidCase(
        "a certificate in two rows is reported with both",
        """
        [certificates."pump-{serial}"]
        for_each = { file = "devices.csv" }
        pem = { file = "pki/{pem}.pem" }
        """,
        """
        desired_state.toml:3: error: certificates.pump-10.pem: devices.csv:3, column 'pem': is the same device certificate as certificates.pump-9, declared at desired_state.toml:1 (devices.csv:2); expected each device certificate once
        """,
        {"devices.csv": "serial,pem\n9,pump-1\n10,pump-1\n"},
    ),
    InvalidCase(
        "a dependency cycle is reported with its row",
        """
        [things."{a}"]
        for_each = [{ a = "x" }, { a = "y" }]
        depends_on = ["things.{a}"]
        """,
        """
        desired_state.toml:1: error: things.x: for_each[0], column 'a': dependency cycle: things.x → things.x; remove one of these dependencies
        desired_state.toml:1: error: things.y: for_each[1], column 'a': dependency cycle: things.y → things.y; remove one of these dependencies
        """,
    ),
    InvalidCase(
        "a secret in a manifest is not revealed",
        """
        [managed_things."{n}"]
        for_each = [{ n = "1", code = "c4nary" }, { n = "2", code = "c4nary-2" }]
        role = "DEVICE"
        authentication_material = "{code}"
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        """,
        """
        desired_state.toml:4: error: managed_things.{n}.authentication_material: in every row, column 'code': a secret cannot be written into the file; expected { env = "NAME" }, { file = "path" }, { ssm = "/name" } or { secretsmanager = "name" }
        """,
    ),
)

CASES = (*_TABLES, *_ROWS)
