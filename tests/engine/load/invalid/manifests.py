"""Invalid values of `for_each`, and manifests whose problems are reported with their line and column."""

from tests.engine.load.invalid.case import InvalidCase

_THINGS = """
    [things."pump-{serial}"]
    for_each = { file = "devices.csv" }
    attributes = { site = "{site}" }
"""
_CSV_FORMAT = "; expected RFC 4180, with at most 131,072 characters in a value"
_FOR_EACH = "desired_state.toml:2: error: things.pump-{serial}.for_each"


def _make_csv_case(sentence: str, manifest: str | bytes, *problems: str) -> InvalidCase:
    """Return the case of a CSV file; each of the `problems` starts with its line number."""
    report = "".join(f"{_FOR_EACH}: devices.csv:{problem}\n" for problem in problems)
    return InvalidCase(sentence, _THINGS, report, {"devices.csv": manifest})


def _make_jsonl_case(sentence: str, *lines_and_problems: tuple[str | bytes, str]) -> InvalidCase:
    """Return the case of a JSON Lines file: a valid line, then these lines, each with its problem."""
    raw_lines = [line if isinstance(line, bytes) else line.encode() for line, _ in lines_and_problems]
    report = "".join(
        f"{_FOR_EACH}: devices.jsonl:{number}{problem}\n"
        for number, (_, problem) in enumerate(lines_and_problems, 2)
    )
    manifest = b"\n".join([b'{"serial": "1", "site": "oslo"}', *raw_lines])
    return InvalidCase(sentence, _THINGS.replace(".csv", ".jsonl"), report, {"devices.jsonl": manifest})


_OTHER_FORMATS = (
    _make_csv_case(
        "columns separated by semicolons are one problem",
        "Thing Name;Site;FW\np1;oslo;2\np2;oslo;2\n",
        "1: the columns are separated by semicolons; expected commas (RFC 4180)",
    ),
    _make_csv_case(
        "columns separated by tabs are one problem",
        "serial\tsite\n1\toslo\n",
        "1: the columns are separated by tabs; expected commas (RFC 4180)",
    ),
    _make_csv_case(
        "a CSV file in UTF-16 is named",
        "serial,site\n1,oslo\n".encode("utf-16"),
        "1: the file is UTF-16 text, not UTF-8; save it as UTF-8; expected UTF-8 text",
    ),
    _make_csv_case(
        "an Excel workbook is named",
        b"PK\x03\x04\x14\x00",
        "1: the file is a ZIP archive or an Excel workbook; save it as CSV; expected UTF-8 text",
    ),
    _make_csv_case(
        "JSON in a CSV file is named",
        '[{"serial": "1", "site": "oslo"}]',
        "1: the file is JSON; expected CSV, or a name that ends in .json or .jsonl",
    ),
    _make_csv_case(
        "a web page in place of a CSV file is named",
        "<!DOCTYPE html>\n<html>\n",
        "1: the file is HTML or XML; expected CSV",
    ),
    *(
        InvalidCase(
            f"{sentence} in place of JSON Lines is named",
            _THINGS.replace(".csv", ".jsonl"),
            f"{_FOR_EACH}: devices.jsonl:1: {problem}\n",
            {"devices.jsonl": content},
        )
        for sentence, content, problem in (
            (
                "a JSON array",
                '[\n  {"serial": "1"},\n  {"serial": "2"}\n]\n',
                "the file is a JSON array; expected JSON Lines: one JSON object in each line, without [, ] and commas; or a name that ends in .json",
            ),
            (
                "an indented JSON object",
                '{\n  "serial": "1"\n}\n',
                "the file has a JSON object in several lines; expected JSON Lines: one JSON object in each line",
            ),
            (
                "a CSV file",
                "serial,site\n1,oslo\n2,oslo\n",
                "the file is not JSON Lines; expected one JSON object in each line, or a name that ends in .csv",
            ),
        )
    ),
)

_SCALAR = "a string, a number or a boolean"

_FORMS = (
    InvalidCase(
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

        [things."f-{serial}"]
        for_each = { fil = "devices.csv" }
        """,
        """
        desired_state.toml:2: error: things.a-{serial}.for_each: got the string 'devices.csv'; expected { file = "devices.csv" }, { files = "batches/*.csv" }, { table = "devices" }, or an array of tables
        desired_state.toml:5: error: things.b-{serial}.for_each.file: 'devices.txt' is not a valid manifest name; expected a name that ends in .csv, .json, .jsonl, .parquet or .sqlite3
        desired_state.toml:8: error: things.c-{serial}.for_each.path: unknown key; expected { file = "devices.csv" }, { files = "batches/*.csv" }, { table = "devices" }, or an array of tables
        desired_state.toml:11: error: things.d-{serial}.for_each: got an array; expected { file = "devices.csv" }, { files = "batches/*.csv" }, { table = "devices" }, or an array of tables
        desired_state.toml:14: error: things.e-{serial}.for_each: not a valid table; expected { file = "devices.csv" }, { files = "batches/*.csv" }, { table = "devices" }, or an array of tables
        desired_state.toml:17: error: things.f-{serial}.for_each.fil: unknown key; did you mean 'file'?
        """,
    ),
    InvalidCase(
        "a missing manifest is reported with the nearest existing file of its format",
        """
        [things."a-{serial}"]
        for_each = { file = "devcies.csv" }

        [things."b-{serial}"]
        for_each = { file = "devices-2.csv" }

        [things."c-{serial}"]
        for_each = { file = "fleet.sqlite3", query = "SELECT 1" }
        """,
        """
        desired_state.toml:2: error: things.a-{serial}.for_each.file: there is no file 'devcies.csv'; did you mean 'devices.csv'?
        desired_state.toml:5: error: things.b-{serial}.for_each.file: there is no file 'devices-2.csv'; did you mean 'devices.csv'?
        desired_state.toml:8: error: things.c-{serial}.for_each.file: there is no file 'fleet.sqlite3'; did you mean 'fleets.sqlite3'?
        """,
        {
            "devices.csv": "serial\n1\n",
            "devices-1.csv": "serial\n1\n",
            "devcies.json": "[]",
            "fleets.sqlite3": "",
        },
    ),
    InvalidCase(
        "a manifest must be in the folder of the TOML file",
        """
        [things."a-{serial}"]
        for_each = { file = "devices.csv" }

        [things."b-{serial}"]
        for_each = { file = "../devices.csv" }
        """,
        """
        desired_state.toml:2: error: things.a-{serial}.for_each.file: there is no file 'devices.csv'; expected the path of an existing file, from the folder of the file that refers to it
        desired_state.toml:5: error: things.b-{serial}.for_each.file: '../devices.csv' is outside the folder of the file that refers to it; expected a file in that folder
        """,
    ),
    InvalidCase(
        "a misspelled for_each is reported with the correct spelling",
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
    _make_csv_case(
        "a row has a value for each column",
        "serial,site\n1,oslo\n2\n3,oslo,x\n",
        "3: got 1 value; expected 2, one for each column",
        "4: got 3 values; expected 2, one for each column",
    ),
    _make_csv_case(
        "a CSV file has a header",
        "",
        "1: the header is missing; expected column names in the first line",
    ),
    _make_csv_case(
        "every column has a name", "serial,site,\n", "1: empty column name; expected a name for each column"
    ),
    _make_csv_case(
        "a column name is unique",
        "serial,serial\n",
        "1: duplicate column 'serial'; expected unique column names",
    ),
    _make_csv_case(
        "the number of columns is limited",
        ",".join(f"c{number}" for number in range(257)),
        "1: 257 columns; expected at most 256",
    ),
    _make_csv_case(
        "a quote must be closed",
        'serial,site\n1,oslo\n2,"oslo\n3,oslo',
        "3: not valid CSV: unexpected end of data" + _CSV_FORMAT,
    ),
    _make_csv_case(
        "a quoted value has no text outside its quotes",
        'serial,site\n1,"os"lo\n',
        "2: not valid CSV: ',' expected after '\"'" + _CSV_FORMAT,
    ),
    _make_csv_case(
        "the length of a value is limited",
        f"serial,site\n1,{'x' * 131_073}\n",
        "2: not valid CSV: field larger than field limit (131072)" + _CSV_FORMAT,
    ),
    _make_csv_case(
        "a carriage return alone does not end a line",
        "serial,site\r1,oslo\r",
        "1: not valid CSV: new-line character seen in unquoted field" + _CSV_FORMAT,
    ),
    _make_csv_case(
        "a manifest is UTF-8", "serial,site\n1,oslo\n2,größe".encode("latin-1"), "3: not UTF-8 text"
    ),
    _make_jsonl_case(
        "each line of JSON Lines is one object with the keys of the first line",
        ('{"serial": "2"}', ", column 'site': missing key; expected the keys of the first row"),
        (
            '{"serial": "2", "site": "oslo", "stie": "x"}',
            ", column 'stie': unknown key; did you mean 'site'?",
        ),
        (
            '{"serial": "2", "site": "oslo", "x": 1}',
            ", column 'x': unknown key; expected the keys of the first row",
        ),
        ('["2", "oslo"]', ": got an array; expected one JSON object"),
        ("null", ": got null; expected one JSON object"),
        ('{"serial": "2", "serial": "3"}', ": duplicate key 'serial'; expected unique keys"),
        ('{"serial": ', ": not JSON: Expecting value at character 11; expected one JSON object"),
        ('{"serial": NaN}', ": not JSON: NaN; expected one JSON object"),
        ("[" * 100_000, ": nested too deeply; expected one JSON object"),
        ('{"serial": "größe"}'.encode("latin-1"), ": not UTF-8 text"),
    ),
    _make_jsonl_case(
        "a value in JSON is text, a number or a boolean",
        ('{"serial": "2", "site": null}', f", column 'site': got null; expected {_SCALAR}"),
        ('{"serial": "2", "site": {"x": 1}}', f", column 'site': got an object; expected {_SCALAR}"),
        ('{"serial": ["2"], "site": "oslo"}', f", column 'serial': got an array; expected {_SCALAR}"),
        (
            '{"serial": "2", "site": "\\ud83d"}',
            ", column 'site': unpaired surrogate; expected valid Unicode text",
        ),
    ),
    InvalidCase(
        "an invalid value in an array of tables is reported at its line",
        """
        [things."pump-{serial}"]
        for_each = [
            { serial = "1" },
            { serial = 1.10 },
            { serial = ["3"] },
            { seriel = "4" },
            { serial = 100000000000000000000 },
        ]
        """,
        """
        desired_state.toml:4: error: things.pump-{serial}.for_each[1].serial: got the number 1.1; expected a string, which keeps the spelling of the number
        desired_state.toml:5: error: things.pump-{serial}.for_each[2].serial: got an array; expected a string, a number or a boolean
        desired_state.toml:6: error: things.pump-{serial}.for_each[3].serial: missing key; expected the keys of the first row
        desired_state.toml:6: error: things.pump-{serial}.for_each[3].seriel: unknown key; did you mean 'serial'?
        desired_state.toml:7: error: things.pump-{serial}.for_each[4].serial: the integer is too large; expected an integer of at most 64 bits, or a string
        """,
    ),
    InvalidCase(
        "a broken manifest is reported once, and references to its rows are not reported",
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
        desired_state.toml:2: error: thing_groups.hall-{hall}.for_each: halls.csv:3: got 2 values; expected 1, one for each column
        """,
        {"halls.csv": "hall\n1\n2,\n"},
    ),
)

CASES = (*_FORMS, *_OTHER_FORMATS, *_MANIFESTS)
