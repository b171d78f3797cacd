"""Manifests: every flaw is told with its line and its column, where `for_each` names it."""

from tests.engine.load.invalid.case import Broken

_THINGS = """
    [things."pump-{serial}"]
    for_each = { file = "devices.csv" }
    attributes = { site = "{site}" }
"""
_HERE = "desired_state.toml:2: error: things.pump-{serial}.for_each"


def _manifest(sentence: str, manifest: str | bytes, *problems: str) -> Broken:
    """A CSV file that is broken."""
    report = "".join(f"{_HERE}: devices.csv:{problem}\n" for problem in problems)
    return Broken(sentence, _THINGS, report, {"devices.csv": manifest})


def _lines(sentence: str, *pairs: tuple[str | bytes, str]) -> Broken:
    """A JSON Lines file that is broken after its first line: each line with what is told of it."""
    raw = [line if isinstance(line, bytes) else line.encode() for line, _ in pairs]
    report = "".join(
        f"{_HERE}: devices.jsonl:{number}{problem}\n" for number, (_, problem) in enumerate(pairs, 2)
    )
    manifest = b"\n".join([b'{"serial": "1", "site": "oslo"}', *raw])
    return Broken(sentence, _THINGS.replace(".csv", ".jsonl"), report, {"devices.jsonl": manifest})


_SCALAR = "a string, a number or a boolean"

_FORMS = (
    Broken(
        "a manifest is a file or an array of tables",
        """
        [things."a-{serial}"]
        for_each = "devices.csv"

        [things."b-{serial}"]
        for_each = { file = "devices.txt" }

        [things."c-{serial}"]
        for_each = { path = "devices.csv" }

        [things."d-{serial}"]
        for_each = ["devices"]

        [things."e-{serial}"]
        for_each = { file = 5 }
        """,
        """
        desired_state.toml:2: error: things.a-{serial}.for_each: the string 'devices.csv'; expected { file = "devices.csv" }, { file = "devices.jsonl" }, or an array of tables
        desired_state.toml:5: error: things.b-{serial}.for_each.file: 'devices.txt' is no manifest; expected a name that ends in .csv or .jsonl
        desired_state.toml:8: error: things.c-{serial}.for_each: a table of another form; expected { file = "devices.csv" }, { file = "devices.jsonl" }, or an array of tables
        desired_state.toml:11: error: things.d-{serial}.for_each: an array; expected { file = "devices.csv" }, { file = "devices.jsonl" }, or an array of tables
        desired_state.toml:14: error: things.e-{serial}.for_each: a table of another form; expected { file = "devices.csv" }, { file = "devices.jsonl" }, or an array of tables
        """,
    ),
    Broken(
        "a manifest is a file of the folder",
        """
        [things."a-{serial}"]
        for_each = { file = "devices.csv" }

        [things."b-{serial}"]
        for_each = { file = "../devices.csv" }
        """,
        """
        desired_state.toml:2: error: things.a-{serial}.for_each.file: the file 'devices.csv' cannot be read: No such file or directory
        desired_state.toml:5: error: things.b-{serial}.for_each.file: '../devices.csv' is outside the folder of the file that names it; expected a file in that folder
        """,
    ),
    Broken(
        "an almost right for_each is told",
        """
        [things.pump-1]
        foreach = [{ serial = "1" }]
        """,
        """
        desired_state.toml:2: error: things.pump-1.foreach: unknown key; did you mean 'for_each'?
        """,
    ),
)

_MANIFESTS = (
    _manifest(
        "a row has a value for each column",
        "serial,site\n1,oslo\n2\n3,oslo,x\n",
        "3: 1 value; expected 2, one for each column",
        "4: 3 values; expected 2, one for each column",
    ),
    _manifest(
        "a CSV file has a header",
        "",
        "1: there is no header; expected a first line with the names of the columns",
    ),
    _manifest(
        "every column has a name", "serial,site,\n", "1: a column without a name; expected a name for each"
    ),
    _manifest(
        "a column is named once",
        "serial,serial\n",
        "1: the column 'serial' is there twice; expected each once",
    ),
    _manifest(
        "columns are bounded",
        ",".join(f"c{number}" for number in range(257)),
        "1: 257 columns; expected at most 256",
    ),
    _manifest(
        "a quote is closed",
        'serial,site\n1,oslo\n2,"oslo\n3,oslo',
        "3: not valid CSV: unexpected end of data",
    ),
    _manifest(
        "nothing stands beside quotes", 'serial,site\n1,"os"lo\n', "2: not valid CSV: ',' expected after '\"'"
    ),
    _manifest(
        "a value is bounded",
        f"serial,site\n1,{'x' * 131_073}\n",
        "2: not valid CSV: field larger than field limit (131072)",
    ),
    _manifest(
        "a carriage return alone ends no line",
        "serial,site\r1,oslo\r",
        "1: not valid CSV: new-line character seen in unquoted field",
    ),
    _manifest("a manifest is UTF-8", "serial,site\n1,oslo\n2,größe".encode("latin-1"), "3: not UTF-8 text"),
    _lines(
        "a line of JSON is one object with the keys of the first",
        ('{"serial": "2"}', ", column 'site': missing; expected the keys of the first row"),
        (
            '{"serial": "2", "site": "oslo", "stie": "x"}',
            ", column 'stie': unknown key; did you mean 'site'?",
        ),
        (
            '{"serial": "2", "site": "oslo", "x": 1}',
            ", column 'x': unknown key; expected the keys of the first row",
        ),
        ('["2", "oslo"]', ": an array; expected one object"),
        ("null", ": null; expected one object"),
        ('{"serial": "2", "serial": "3"}', ": the key 'serial' is there twice; expected each once"),
        ('{"serial": ', ": not JSON: Expecting value at character 11; expected one object"),
        ('{"serial": NaN}', ": not JSON: NaN; expected one object"),
        ("[" * 100_000, ": nested too deeply; expected one object"),
        ('{"serial": "größe"}'.encode("latin-1"), ": not UTF-8 text"),
    ),
    _lines(
        "a value in JSON is text, a number or a boolean",
        ('{"serial": "2", "site": null}', f", column 'site': null; expected {_SCALAR}"),
        ('{"serial": "2", "site": {"x": 1}}', f", column 'site': an object; expected {_SCALAR}"),
        ('{"serial": ["2"], "site": "oslo"}', f", column 'serial': an array; expected {_SCALAR}"),
        (
            '{"serial": "2", "site": "\\ud83d"}',
            ", column 'site': half of a surrogate pair; expected text",
        ),
    ),
    Broken(
        "a value in an array of tables is a string, an integer or a boolean, and is told at its own line",
        """
        [things."pump-{serial}"]
        for_each = [
            { serial = "1" },
            { serial = 1.10 },
            { serial = ["3"] },
            { seriel = "4" },
        ]
        """,
        """
        desired_state.toml:4: error: things.pump-{serial}.for_each[1].serial: the number 1.1; expected a string, which stays as it is written
        desired_state.toml:5: error: things.pump-{serial}.for_each[2].serial: an array; expected a string, a number or a boolean
        desired_state.toml:6: error: things.pump-{serial}.for_each[3].serial: missing; expected the keys of the first row
        desired_state.toml:6: error: things.pump-{serial}.for_each[3].seriel: unknown key; did you mean 'serial'?
        """,
    ),
    Broken(
        "a manifest that several tables name is told once, and nothing is missed that its rows might have made",
        """
        [thing_groups."hall-{hall}"]
        for_each = { file = "halls.csv" }

        [thing_groups."yard-{hall}"]
        for_each = { file = "./halls.csv" }

        [things.pump-1]
        thing_groups = ["hall-2"]
        depends_on = ["thing_groups.yard-2"]
        """,
        """
        desired_state.toml:2: error: thing_groups.hall-{hall}.for_each: halls.csv:3: 2 values; expected 1, one for each column
        """,
        {"halls.csv": "hall\n1\n2,\n"},
    ),
)

CASES = (*_FORMS, *_MANIFESTS)
