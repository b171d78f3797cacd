"""Invalid TOML, and tables and keys that do not fit the structure of a desired state."""

from tests.engine.load.invalid.case import InvalidCase

CASES = (
    InvalidCase(
        "invalid TOML is reported with its line",
        """
        [things.pump-1]
        attributes = { site = }
        """,
        """
        desired_state.toml:2: error: not valid TOML: invalid value; expected a text in quotes, a number, true, false, [an array] or { a table }
        """,
    ),
    InvalidCase(
        "TOML values without a JSON equivalent are not accepted in documents",
        """
        [policies.since]
        document = { Version = 1979-05-27 }

        [policies.many]
        document = { Version = inf }
        """,
        """
        desired_state.toml:2: error: policies.since.document: not JSON: a date or time; expected a JSON object: { file = "path" }, text, or a table
        desired_state.toml:5: error: policies.many.document: not JSON: a number that is infinite, NaN or too large; expected a JSON object: { file = "path" }, text, or a table
        """,
    ),
    InvalidCase(
        "an unexpected end of the file is reported at its last line",
        """
        [things.pump-1]
        attributes = { site = "oslo"
        """,
        """
        desired_state.toml:2: error: not valid TOML: unclosed inline table
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "a table declared twice is reported with both places",
        """
        [things.pump-1]
        attributes = { site = "oslo" }

        [things.pump-1]
        attributes = { site = "bergen" }
        """,
        """
        desired_state.toml:4: error: things.pump-1 is already declared at desired_state.toml:1; remove one of the two
        """,
    ),
    InvalidCase(
        "a duplicate key is reported with both places",
        """
        [things.pump-1]
        attributes = { site = "oslo" }
        certificates = []
        attributes = { site = "bergen" }
        """,
        """
        desired_state.toml:4: error: things.pump-1.attributes is already declared at desired_state.toml:2; remove one of the two
        """,
    ),
    InvalidCase(
        "very deep nesting is an error and does not crash",
        "x = " + "[" * 100_000,
        """
        desired_state.toml:1: error: nested too deeply
        """,
        add_workspace=False,
    ),
    InvalidCase(
        "a key with very many parts is an error and does not hang",
        "[things.pump-1]\n" + ".".join(["a"] * 5_000) + " = 1\n",
        """
        desired_state.toml:2: error: the key has too many parts; expected at most 32
        """,
    ),
    InvalidCase(
        "an integer of very many digits is reported",
        "[things.pump-1]\nattributes.serial = " + "9" * 5_000 + "\n",
        """
        desired_state.toml:2: error: not valid TOML: an integer with too many digits
        """,
    ),
    InvalidCase(
        "a file that is not UTF-8 is reported with its line",
        "",
        """
        desired_state.toml:2: error: not UTF-8 text
        """,
        other_files={"desired_state.toml": b'[workspace]\nname = "gr\xfcn"\n'},
    ),
    InvalidCase(
        "a byte order mark is not accepted",
        "",
        """
        desired_state.toml:1: error: the file starts with a byte order mark; expected UTF-8 without one
        """,
        other_files={"desired_state.toml": b'\xef\xbb\xbf[workspace]\nname = "greenhouse"\n'},
    ),
    InvalidCase(
        "an unknown table is reported with the nearest valid name",
        """
        [thing.pump-1]
        """,
        """
        desired_state.toml:1: error: thing: unknown table; did you mean 'things'?
        """,
    ),
    InvalidCase(
        "an unknown table without a similar valid name is reported with all valid names",
        """
        [lamps.hall]
        """,
        """
        desired_state.toml:1: error: lamps: unknown table; expected one of {tables}
        """,
    ),
    InvalidCase(
        "a key at the top level is not accepted",
        """
        title = "greenhouse"
        things = 5
        """,
        """
        desired_state.toml:1: error: title: unknown key; expected one of {tables}
        desired_state.toml:2: error: things: got the integer 5; expected tables [things.NAME]
        """,
    ),
    InvalidCase(
        "a kind's table contains tables",
        """
        [things]
        pump-1 = "oslo"
        pump-2 = { attributes = { site = 1 } }
        """,
        """
        desired_state.toml:2: error: things.pump-1: got the string 'oslo'; expected a table [things.NAME]
        desired_state.toml:3: error: things.pump-2.attributes.site: got the integer 1; expected a string
        """,
    ),
    InvalidCase(
        "a key in a kind's table belongs into the table of a resource",
        """
        [things]
        thing_type = "pump"
        attributes = { site = "oslo" }
        lifecycle = { prevent_destroy = true }

        [policies]
        document = { attributes = { site = 1 } }

        [thing_groups.description]
        description = "a group can have this name"

        [thing_groups.attributes]
        """,
        """
        desired_state.toml:2: error: things.thing_type: thing_type is a key of one resource, not the name of one; expected it in a table [things.NAME], one for each thing
        desired_state.toml:3: error: things.attributes: attributes is a key of one resource, not the name of one; expected it in a table [things.NAME], one for each thing
        desired_state.toml:4: error: things.lifecycle: lifecycle is a key of one resource, not the name of one; expected it in a table [things.NAME], one for each thing
        desired_state.toml:7: error: policies.document: document is a key of one resource, not the name of one; expected it in a table [policies.NAME], one for each policy
        """,
    ),
    InvalidCase(
        "a kind's table is not an array of tables",
        """
        [[things]]
        name = "pump-1"
        """,
        """
        desired_state.toml:1: error: things: got an array; expected tables [things.NAME]
        """,
    ),
    InvalidCase(
        "a name declared in two files is reported with both places",
        """
        [things.pump-1]
        """,
        """
        more.toml:2: error: things.pump-1: already declared at desired_state.toml:1; rename or remove one of the two
        """,
        other_files={"more.toml": '\n[things.pump-1]\nattributes = { site = "oslo" }\n'},
        is_folder=True,
    ),
    InvalidCase(
        "all problems are reported in the order of files and lines",
        """
        [things.pump-1]
        depends_on = ["things.pump-9"]
        colour = "red"

        [ca_certificates.factory]
        status = "GONE"
        """,
        """
        a.toml:1: error: thing: unknown table; did you mean 'things'?
        desired_state.toml:2: error: things.pump-1.depends_on[0]: things.pump-9 is not declared in this file; did you mean 'things.pump-1'?
        desired_state.toml:3: error: things.pump-1.colour: unknown key; expected one of {keys of things}
        desired_state.toml:5: error: ca_certificates.factory.pem: required key is missing; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:6: error: ca_certificates.factory.status: 'GONE' is not valid; expected one of 'ACTIVE', 'INACTIVE'
        z.toml:3: error: not valid TOML: expected ']' at the end of a table declaration
        """,
        other_files={"a.toml": "[thing.x]\n", "z.toml": "[things.z]\nattributes = 1\n[things.y"},
        is_folder=True,
    ),
)
