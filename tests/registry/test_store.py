"""The database file: its schema, its tables, and what is refused."""

import sqlite3

import pytest

from reconciler.registry.store import Store, StoreError

FIRST = {"fruits": ("CREATE TABLE fruits (name TEXT)",)}
SECOND = {
    "fruits": (*FIRST["fruits"], "ALTER TABLE fruits ADD COLUMN colour TEXT"),
    "nuts": ("CREATE TABLE nuts (n)",),
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "registry.db"


def test_a_database_gains_the_steps_and_nouns_that_it_lacks_and_keeps_its_rows(file):
    older = Store(file, FIRST)
    with older.write() as tx:
        tx.run("INSERT INTO fruits VALUES ('fig')")
    older.close()

    newer = Store(file, SECOND)

    with newer.read() as tx:
        assert [tuple(row) for row in tx.all("SELECT name, colour FROM fruits")] == [("fig", None)]
        steps = {row["noun"]: row["steps"] for row in tx.all("SELECT * FROM schema_steps")}
    newer.close()
    assert steps == {"fruits": 2, "nuts": 1}


def test_a_database_of_a_newer_version_is_refused(file):
    Store(file, SECOND).close()

    with pytest.raises(StoreError, match="newer version"):
        Store(file, FIRST)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        Store(file, SECOND)


def test_a_file_that_is_no_database_is_refused_and_left_alone(file):
    file.write_text("not a database, but a letter " * 100)

    with pytest.raises(StoreError, match="not a registry database"):
        Store(file, FIRST)
    assert file.read_text() == "not a database, but a letter " * 100


def test_a_write_that_raises_leaves_nothing(file):
    store = Store(file, FIRST)

    def fail():
        with store.write() as tx:
            tx.run("INSERT INTO fruits VALUES ('fig')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with store.read() as tx:
        assert tx.all("SELECT * FROM fruits") == []
    store.close()


def test_a_read_sees_one_snapshot_whatever_is_written_meanwhile(file):
    store = Store(file, FIRST)
    with store.read() as reading:
        before = reading.one("SELECT count(*) FROM fruits")[0]
        with store.write() as writing:
            writing.run("INSERT INTO fruits VALUES ('fig')")
        during = reading.one("SELECT count(*) FROM fruits")[0]
    with store.read() as reading:
        after = reading.one("SELECT count(*) FROM fruits")[0]
    store.close()

    assert (before, during, after) == (0, 0, 1)


def test_a_commit_is_on_disk_when_it_returns(file):
    store = Store(file, FIRST)
    with store.read() as tx:
        modes = [tx.one(f"PRAGMA {name}")[0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    store.close()

    assert modes == ["wal", 2, 1]


def test_secrets_belong_to_the_database(file, tmp_path):
    first = Store(file, FIRST)
    secret = first.secret("page tokens")
    first.close()
    again, other = Store(file, FIRST), Store(tmp_path / "other.db", FIRST)

    assert (again.secret("page tokens"), len(secret)) == (secret, 32)
    assert other.secret("page tokens") != secret
    again.close()
    other.close()


def test_a_closed_store_is_not_opened_again(file):
    store = Store(file, FIRST)
    store.close()

    with pytest.raises((StoreError, sqlite3.ProgrammingError)), store.read():
        pass
