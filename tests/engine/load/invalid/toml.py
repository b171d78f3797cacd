"""Files that are no desired state as a whole: their form, their tables, their number."""

from tests.engine.load.invalid.case import Broken

CASES = (
    Broken(
        "invalid TOML is told with its line",
        """
        [things.pump-1]
        attributes = { site = }
        """,
        """
        desired_state.toml:2: error: not valid TOML: invalid value
        """,
    ),
    Broken(
        "what TOML can say and JSON cannot is in no document",
        """
        [policies.since]
        document = { Version = 1979-05-27 }

        [policies.many]
        document = { Version = inf }
        """,
        """
        desired_state.toml:2: error: policies.since.document: not JSON: a date or time; expected a JSON object: { file = "path" }, text, or a table
        desired_state.toml:5: error: policies.many.document: not JSON: a number that is infinite or NaN; expected a JSON object: { file = "path" }, text, or a table
        """,
    ),
    Broken(
        "a text that ends too early is told at its last line",
        """
        [things.pump-1]
        attributes = { site = "oslo"
        """,
        """
        desired_state.toml:2: error: not valid TOML: unclosed inline table
        """,
        workspace=False,
    ),
    Broken(
        "a table declared twice is told with both places",
        """
        [things.pump-1]
        attributes = { site = "oslo" }

        [things.pump-1]
        attributes = { site = "bergen" }
        """,
        """
        desired_state.toml:4: error: things.pump-1 is declared twice; the first is at desired_state.toml:1
        """,
    ),
    Broken(
        "a key written twice is told with both places",
        """
        [things.pump-1]
        attributes = { site = "oslo" }
        certificates = []
        attributes = { site = "bergen" }
        """,
        """
        desired_state.toml:4: error: things.pump-1.attributes is declared twice; the first is at desired_state.toml:2
        """,
    ),
    Broken(
        "a file that is nested without end is a mistake, not a crash",
        "x = " + "[" * 100_000,
        """
        desired_state.toml:1: error: nested too deeply
        """,
        workspace=False,
    ),
    Broken(
        "a key of endless parts is a mistake, not a hang",
        "[things.pump-1]\n" + ".".join(["a"] * 5_000) + " = 1\n",
        """
        desired_state.toml:2: error: nested too deeply
        """,
    ),
    Broken(
        "an integer of endless digits is a mistake",
        "[things.pump-1]\nattributes.serial = " + "9" * 5_000 + "\n",
        """
        desired_state.toml:2: error: not valid TOML: an integer with too many digits
        """,
    ),
    Broken(
        "a file that is not UTF-8 is told with its line",
        "",
        """
        desired_state.toml:2: error: not UTF-8 text
        """,
        beside={"desired_state.toml": b'[workspace]\nname = "gr\xfcn"\n'},
    ),
    Broken(
        "a byte order mark is not TOML",
        "",
        """
        desired_state.toml:1: error: it begins with a byte order mark; expected UTF-8 without one
        """,
        beside={"desired_state.toml": b'\xef\xbb\xbf[workspace]\nname = "greenhouse"\n'},
    ),
    Broken(
        "an unknown table is told with the nearest valid name",
        """
        [thing.pump-1]
        """,
        """
        desired_state.toml:1: error: thing: unknown table; did you mean 'things'?
        """,
    ),
    Broken(
        "an unknown table that is like no other is told with all valid names",
        """
        [lamps.hall]
        """,
        """
        desired_state.toml:1: error: lamps: unknown table; expected one of {tables}
        """,
    ),
    Broken(
        "a key at the top is no table",
        """
        title = "greenhouse"
        things = 5
        """,
        """
        desired_state.toml:1: error: title: unknown key; expected one of {tables}
        desired_state.toml:2: error: things: the integer 5; expected tables [things.NAME]
        """,
    ),
    Broken(
        "a table of a kind holds tables",
        """
        [things]
        pump-1 = "oslo"
        pump-2 = { attributes = { site = 1 } }
        """,
        """
        desired_state.toml:2: error: things.pump-1: the string 'oslo'; expected a table [things.NAME]
        desired_state.toml:3: error: things.pump-2.attributes.site: the integer 1; expected a string
        """,
    ),
    Broken(
        "an array of tables is no table of names",
        """
        [[things]]
        name = "pump-1"
        """,
        """
        desired_state.toml:1: error: things: an array; expected tables [things.NAME]
        """,
    ),
    Broken(
        "a name declared in two files is told with both places",
        """
        [things.pump-1]
        """,
        """
        more.toml:2: error: things.pump-1: declared twice; the first is at desired_state.toml:1
        """,
        beside={"more.toml": '\n[things.pump-1]\nattributes = { site = "oslo" }\n'},
        folder=True,
    ),
    Broken(
        "mistakes are told in the order of files and lines, whatever kind of mistake they are",
        """
        [things.pump-1]
        depends_on = ["things.pump-9"]
        colour = "red"

        [ca_certificates.factory]
        status = "GONE"
        """,
        """
        a.toml:1: error: thing: unknown table; did you mean 'things'?
        desired_state.toml:2: error: things.pump-1.depends_on[0]: there is no things.pump-9 in this file; did you mean 'things.pump-1'?
        desired_state.toml:3: error: things.pump-1.colour: unknown key; expected one of {keys of things}
        desired_state.toml:5: error: ca_certificates.factory.pem: missing; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:6: error: ca_certificates.factory.status: 'GONE' is not valid; expected one of 'ACTIVE', 'INACTIVE'
        z.toml:3: error: not valid TOML: expected ']' at the end of a table declaration
        """,
        beside={"a.toml": "[thing.x]\n", "z.toml": "[things.z]\nattributes = 1\n[things.y"},
        folder=True,
    ),
)
