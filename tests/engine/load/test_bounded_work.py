"""The work, the memory and the report of reading any input are bounded by its size.

Work is counted in function calls, so the tests do not depend on the speed of the machine.
"""

from __future__ import annotations

import itertools
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load import diagnostics
from reconciler.engine.load.load import load
from reconciler.model.errors import InvalidDesiredStateError

SIZES = (1_000, 3_000, 12_000)
"""The sizes of an input in bytes."""

CALLS_PER_BYTE = 150
BYTES_PER_BYTE = 700
BASE_BYTES = 8 * 2**20
MAX_REPORT_BYTES = 64 * 2**10

WORKSPACE = '[workspace]\nname = "w"\n'
MANIFEST_TABLE = '[things."{x}"]\nfor_each = { file = "m.%s" }\nattributes = { a = "{x}" }\n'
POLICY = '[policies.p]\ndocument = { file = "p.json" }\n'
TEMPLATE = '[provisioned_things.x]\ntemplate = { file = "t.json" }\nparameters = { A = "1" }\n'
CERTIFICATE = '[certificates.a]\npem = { file = "a.pem" }\n'
THING_RESOURCE = (
    '{"Parameters":{"A":{"Type":"String"}},"Resources":{"t":{"Type":"AWS::IoT::Thing","Properties":{%s}}}}'
)


def repeat(size: int, make: Callable[[int], str]) -> str:
    """Return `make(0)`, `make(1)`, … up to about `size` characters."""
    parts: list[str] = []
    length = 0
    for number in itertools.count():
        parts.append(make(number))
        length += len(parts[-1])
        if length >= size:
            return "".join(parts)
    raise AssertionError


def nest(size: int, opening: str, closing: str) -> str:
    levels = size // len(opening + closing)
    return opening * levels + "1" + closing * levels


TOML: Mapping[str, Callable[[int], str]] = {
    "header of many parts": lambda size: f"[things.a{'.b' * (size // 2)}]\n",
    "array header of many parts": lambda size: f"[[things.a{'.b' * (size // 2)}]]\n",
    "key of many parts": lambda size: f"a{'.b' * (size // 2)} = 1\n",
    "key of many parts in a value": lambda size: f"[things.a]\nx = {{ a{'.b' * (size // 2)} = 1 }}\n",
    "headers of 400 parts": lambda size: repeat(size, lambda n: f"[things.a{n}{'.b' * 400}]\n"),
    "values of 30 parts": lambda size: (
        "[things.a]\nx = [" + repeat(size, lambda _: f"{{ a{'.b' * 29} = 1 }},") + "]\n"
    ),
    "nested tables": lambda size: f"[things.a]\nx = {nest(size, '{a=', '}')}\n",
    "nested arrays": lambda size: f"[things.a]\nx = {nest(size, '[', ']')}\n",
    "unknown tables": lambda size: repeat(size, lambda n: f"[thing{n}]\n"),
    "unknown tables of one kind": lambda size: repeat(size, lambda n: f"[thing.a{n}]\nx = 1\n"),
    "unknown keys in many tables": lambda size: repeat(size, lambda n: f"[things.a{n}]\nx = 1\n"),
    "unknown keys in one table": lambda size: "[things.a]\n" + repeat(size, lambda n: f"attribute{n} = 1\n"),
    "unknown keys of the workspace": lambda size: repeat(size, lambda n: f"x{n} = 1\n"),
    "chained moves": lambda size: repeat(
        size, lambda n: f'[[moved]]\nfrom = "things.a{n + 1}"\nto = "things.a{n}"\n'
    ),
    "a key again and again": lambda size: "[things.a]\n" + "x = 1\n" * (size // 6),
    "wrong attributes": lambda size: (
        "[things.a]\nattributes = {" + repeat(size, lambda n: f"x{n} = 1, ") + "z = 1 }\n"
    ),
    "dangling references in one table": lambda size: (
        "[things.a]\ncertificates = [" + repeat(size, lambda n: f'"x{n}", ') + "]\n"
    ),
    "dangling references to similar names": lambda size: (
        repeat(size // 2, lambda n: f"[certificates.pump-{n}]\n")
        + "[things.a]\ncertificates = ["
        + repeat(size // 2, lambda n: f'"pomp-{n}", ')
        + "]\n"
    ),
    "dangling references of many tables": lambda size: repeat(
        size, lambda n: f'[things.a{n}]\nthing_type = "t{n}"\n'
    ),
    "statements about missing addresses": lambda size: repeat(
        size, lambda n: f'[[moved]]\nfrom = "things.a{n}"\nto = "things.b{n}"\n'
    ),
    "empty statements": lambda size: "[[moved]]\n" * (size // 10),
    "a cycle of all resources": lambda size: (
        repeat(size, lambda n: f'[things.a{n}]\ndepends_on = ["things.a{n + 1}"]\n').removesuffix(
            f'"things.a{0}"]\n'
        )
    ),
    "cycles through one resource": lambda size: (
        repeat(size // 2, lambda n: f'[things.a{n}]\ndepends_on = ["things.hub"]\n')
        + "[things.hub]\ndepends_on = ["
        + repeat(size // 2, lambda n: f'"things.a{n}", ')
        + "]\n"
    ),
    "a hierarchy of all groups": lambda size: repeat(
        size, lambda n: f'[thing_groups.g{n}]\nparent = "g{n + 1}"\n'
    ),
    "a thing in all groups of a hierarchy": lambda size: (
        "[thing_groups.g0]\n"
        + repeat(size // 2, lambda n: f'[thing_groups.g{n + 1}]\nparent = "g{n}"\n')
        + "[things.a]\nthing_groups = ["
        + repeat(size // 5, lambda n: f'"g{n}", ')
        + "]\n"
    ),
    "a long text": lambda size: f'[things.a]\nattributes = {{ a = "{"x" * size}" }}\n',
    "long names": lambda size: repeat(size, lambda n: f'[things."{n}{"y" * 900}"]\n'),
    "columns": lambda size: (
        '[things."{x}"]\nfor_each = [{ x = "1" }]\nattributes = { a = "' + "{x}" * (size // 3) + '" }\n'
    ),
    "unknown columns": lambda size: (
        '[things."{x}"]\nfor_each = [{ x = "1" }]\nattributes = { a = "' + "{y}" * (size // 3) + '" }\n'
    ),
    "braces": lambda size: '[things."{x}"]\nfor_each = [{ x = "1" }]\nattributes = { a = "' + "{" * size + '" }\n',
    "wrong rows": lambda size: (
        '[things."{x}"]\nfor_each = [{ x = "0" }, ' + repeat(size, lambda n: f"{{ y = {n} }}, ") + "]\n"
    ),
    "unknown ignored fields": lambda size: (
        "[things.a]\nlifecycle = { ignore_changes = [" + repeat(size, lambda n: f'"x{n}", ') + "] }\n"
    ),
    "backslashes": lambda size: '[things.a]\nattributes = { a = "' + '\\"' * (size // 2) + '" }\n',
    "quotes": lambda size: "x = " + '"' * size,
    "an unclosed text": lambda size: '[things.a]\nx = """' + "\n" * size,
    "digits": lambda size: "[things.a]\nx = " + "1" * size + "\n",
    "wrong policies": lambda size: repeat(size, lambda n: f"[policies.p{n}]\ndocument = {{ a = 1 }}\n"),
    "wrong certificates": lambda size: repeat(size, lambda n: f'[certificates.a{n}]\npem = "x"\n'),
    "parentheses of a query": lambda size: f'[dynamic_thing_groups.g]\nquery = "{"(" * size}"\n',
}  # fmt: skip

CSV: Mapping[str, Callable[[int], str]] = {
    "rows with too few values": lambda size: "x,y\n" + "1\n" * (size // 2),
    "invalid names": lambda size: "x\n" + repeat(size, lambda n: f"?{n}\n"),
    "one name in all rows": lambda size: "x\n" + "1\n" * (size // 2),
    "many columns": lambda size: repeat(size, lambda n: f"c{n},") + "z\n",
    "one column again and again": lambda size: "c," * (size // 2) + "c\n",
    "an unclosed quote": lambda size: 'x\n"' + "a\n" * (size // 2),
    "a long value": lambda size: "x\n" + "a" * size + "\n",
    "empty lines": lambda size: "x\n" + "\n" * size,
    "control characters": lambda size: "x\n" + repeat(size, lambda n: f"\x1b[31m{n}\n"),
}

JSON_LINES: Mapping[str, Callable[[int], str]] = {
    "rows of numbers": lambda size: '{"x": "1"}\n' + "1\n" * (size // 2),
    "rows of invalid JSON": lambda size: "{\n" * (size // 2),
    "nested arrays": lambda size: nest(size, "[", "]") + "\n",
    "a row with many keys": lambda size: (
        '{"x": "1"}\n{' + repeat(size, lambda n: f'"k{n}": 1, ') + '"x": 1}\n'
    ),
    "rows with other keys": lambda size: '{"x": "1"}\n' + repeat(size, lambda n: f'{{"k{n}": 1}}\n'),
    "digits": lambda size: '{"x": ' + "1" * size + "}\n",
}

DOCUMENTS: Mapping[str, tuple[str, str, Callable[[int], str]]] = {
    "nested objects": (POLICY, "p.json", lambda size: nest(size, '{"a":', "}")),
    "many members": (POLICY, "p.json", lambda size: "{" + repeat(size, lambda n: f'"k{n}": 1, ') + '"z": 1}'),
    "wrong statements": (
        POLICY, "p.json",
        lambda size: '{"Version": "2012-10-17", "Statement": [' + '{"a": 1}, ' * (size // 10) + "{}]}",
    ),
    "variables": (
        POLICY, "p.json",
        lambda size: (
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": "'
            + "${iot:x}" * (size // 8) + '"}]}'
        ),
    ),
    "parameters of a template": (
        TEMPLATE, "t.json",
        lambda size: (
            '{"Parameters": {' + repeat(size, lambda n: f'"p{n}": {{"Type": "String"}}, ')
            + '"A": {"Type": "String"}}, "Resources": {}}'
        ),
    ),
    "resources of a template": (
        TEMPLATE, "t.json",
        lambda size: '{"Resources": {' + repeat(size, lambda n: f'"p{n}": {{"Type": "x"}}, ') + '"z": {}}}',
    ),
    "properties of a template": (
        TEMPLATE, "t.json", lambda size: THING_RESOURCE % (repeat(size, lambda n: f'"p{n}": 1, ') + '"z": 1')
    ),
    "references of a template": (
        TEMPLATE, "t.json",
        lambda size: THING_RESOURCE % (
            '"ThingName": {"Fn::Join": ["", [' + repeat(size, lambda n: f'{{"Ref": "q{n}"}}, ') + '"z"]]}'
        ),
    ),
    "placeholders of a template": (
        TEMPLATE, "t.json", lambda size: THING_RESOURCE % ('"ThingName": {"Fn::Sub": "' + "${A}" * (size // 4) + '"}')
    ),
    "beginnings of certificates": (
        CERTIFICATE, "a.pem", lambda size: "-----BEGIN CERTIFICATE-----\n" * (size // 28)
    ),
    "broken certificates": (
        CERTIFICATE, "a.pem",
        lambda size: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" * (size // 60),
    ),
    "a certificate of zeros": (
        CERTIFICATE, "a.pem",
        lambda size: f"-----BEGIN CERTIFICATE-----\n{'A' * size}\n-----END CERTIFICATE-----\n",
    ),
    "dashes": (CERTIFICATE, "a.pem", lambda size: "-" * size),
    "spaces": (CERTIFICATE, "a.pem", lambda size: "-----BEGIN " + " " * size),
}  # fmt: skip


def list_inputs() -> Iterator[tuple[str, Callable[[int], Mapping[str, str]]]]:
    """Yield a name and a function from a size to the contents of files, for each pathological input."""
    for name, make in TOML.items():
        yield f"toml: {name}", lambda size, make=make: {"d.toml": WORKSPACE + make(size)}
    for suffix, texts in {"csv": CSV, "jsonl": JSON_LINES}.items():
        text = WORKSPACE + MANIFEST_TABLE % suffix
        for name, make in texts.items():
            yield (
                f"{suffix}: {name}",
                lambda size, make=make, text=text, suffix=suffix: {"d.toml": text, f"m.{suffix}": make(size)},
            )
    for name, (table, file, make) in DOCUMENTS.items():
        yield (
            f"{file}: {name}",
            lambda size, table=table, file=file, make=make: {"d.toml": WORKSPACE + table, file: make(size)},
        )


INPUTS = dict(list_inputs())


def load_report(folder: Path, contents: Mapping[str, str]) -> str:
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
    try:
        load(folder / "d.toml", constraints=ServiceModelConstraints(), environ={})
    except InvalidDesiredStateError as error:
        return str(error)
    return ""


def count_calls(function: Callable[[], object]) -> int:
    """Return the number of functions, of Python and of C, that are called."""
    count = 0

    def count_call(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    previous = sys.getprofile()
    sys.setprofile(count_call)
    try:
        function()
    finally:
        sys.setprofile(previous)
    return count


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Reduce the limits that are constants, which would hide what grows with the input."""
    monkeypatch.setattr(diagnostics, "_MAX_COMPARISONS", 1_000)


@pytest.mark.parametrize("name", INPUTS)
def test_reading_an_input_takes_bounded_work_memory_and_text(tmp_path, name):
    small, medium, large = (INPUTS[name](size) for size in SIZES)
    load_report(tmp_path, small)  # fills the caches
    calls = [
        count_calls(lambda contents=contents: load_report(tmp_path, contents))
        for contents in (small, medium, large)
    ]
    first_rate, second_rate = (
        (calls[index + 1] - calls[index]) / (SIZES[index + 1] - SIZES[index]) for index in (0, 1)
    )
    assert second_rate <= min(CALLS_PER_BYTE, 3 + 1.3 * max(first_rate, 0))
    tracemalloc.start()
    report = load_report(tmp_path, large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= BASE_BYTES + BYTES_PER_BYTE * SIZES[-1]
    assert len(report) <= MAX_REPORT_BYTES


def test_problems_with_one_code_are_counted_after_the_first_fifty(tmp_path):
    text = WORKSPACE + "".join(f"[thing{number}]\n" for number in range(20_000))
    report = load_report(tmp_path, {"d.toml": text}).split("\n")
    assert (report[0], len(report), report[-1]) == (
        "the desired state is not valid: 20,000 errors; nothing was sent",
        52,
        "d.toml:53: error: and 19,950 more with the code 'unknown-table', from this line on",
    )
