"""Durability: a writer that is killed at any time leaves its confirmed writes and an intact database."""

import json
import sqlite3
import subprocess
import sys

import pytest

from reconciler.registry import HttpRequest, Registry

WRITE_SCRIPT = """
import sys
from reconciler.registry import HttpRequest, Registry
registry = Registry(sys.argv[1])
number = 0
while True:
    url = f"https://iot.eu-west-1.amazonaws.com/things/t{number}"
    body = b'{"attributePayload": {"attributes": {"a": "1", "b": "2", "c": "3"}}}'
    assert registry.handle(HttpRequest("POST", url, {}, body)).status == 200
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("min_number", [1, 57, 200])
def test_a_killed_writer_leaves_every_confirmed_thing_complete(tmp_path, min_number):
    file = tmp_path / "registry.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_SCRIPT, str(file)], stdout=subprocess.PIPE, text=True
    )
    while int(writer.stdout.readline()) < min_number:
        pass
    writer.kill()
    rest = writer.stdout.read()  # communicate() would lose what readline() has read ahead
    writer.wait()
    last_confirmed = [min_number, *map(int, rest.split())][-1]

    with sqlite3.connect(file) as connection:
        integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        attributes = connection.execute("SELECT count(*) FROM thing_attributes").fetchone()[0]
        things = connection.execute("SELECT count(*) FROM things").fetchone()[0]
    connection.close()

    assert (integrity, orphans) == ("ok", [])
    assert things >= last_confirmed + 1
    assert attributes == 3 * things
    registry = Registry(file)
    response = registry.handle(
        HttpRequest("GET", f"https://iot.eu-west-1.amazonaws.com/things/t{last_confirmed}", {}, b"")
    )
    registry.close()
    assert json.loads(response.body)["attributes"] == {"a": "1", "b": "2", "c": "3"}
