"""The database file: its schema, its transactions, and invalid files."""

import sqlite3
from types import SimpleNamespace

import pytest

from reconciler.registry.store import Store, StoreDiskError, StoreError, StoreFullError

OLD_SCHEMA = {"fruits": ("CREATE TABLE fruits (name TEXT)",)}
NEW_SCHEMA = {
    "fruits": (*OLD_SCHEMA["fruits"], "ALTER TABLE fruits ADD COLUMN color TEXT"),
    "nuts": ("CREATE TABLE nuts (n)",),
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "registry.db"


def test_opening_a_database_applies_missing_schema_steps_and_keeps_its_rows(file):
    old_store = Store(file, OLD_SCHEMA)
    with old_store.write() as tx:
        tx.run("INSERT INTO fruits VALUES ('fig')")
    old_store.close()

    new_store = Store(file, NEW_SCHEMA)

    with new_store.read() as tx:
        assert [tuple(row) for row in tx.fetch_all("SELECT name, color FROM fruits")] == [("fig", None)]
        steps = {row["noun"]: row["steps"] for row in tx.fetch_all("SELECT * FROM schema_steps")}
    new_store.close()
    assert steps == {"fruits": 2, "nuts": 1}


def list_modes(file):
    """Return the modes of a database's files, by name."""
    return {path.name: oct(path.stat().st_mode & 0o777) for path in file.parent.glob("registry.db*")}


@pytest.mark.parametrize("existing_mode", [None, 0o644, 0o660, 0o600])
def test_only_the_owner_can_use_the_files_of_a_database(file, existing_mode):
    if existing_mode:
        store = Store(file, OLD_SCHEMA)
        for path in file.parent.glob("registry.db*"):
            path.chmod(existing_mode)
        store.close()
    store = Store(file, OLD_SCHEMA)
    with store.write() as tx:
        tx.run("INSERT INTO fruits VALUES ('fig')")
    assert list_modes(file) == {
        "registry.db": "0o600",
        "registry.db-shm": "0o600",
        "registry.db-wal": "0o600",
    }
    store.close()


def test_a_database_of_a_newer_version_is_rejected(file):
    Store(file, NEW_SCHEMA).close()

    with pytest.raises(StoreError, match="newer version"):
        Store(file, OLD_SCHEMA)
    # `user_version` is the version of the schema that all databases have in common.
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        Store(file, NEW_SCHEMA)


def test_a_file_that_is_not_a_database_is_rejected_and_unchanged(file):
    file.write_text("not a database, but a letter " * 100)

    with pytest.raises(StoreError, match="not a registry database"):
        Store(file, OLD_SCHEMA)
    assert file.read_text() == "not a database, but a letter " * 100


def test_a_write_that_raises_is_rolled_back(file):
    store = Store(file, OLD_SCHEMA)

    def fail():
        with store.write() as tx:
            tx.run("INSERT INTO fruits VALUES ('fig')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with store.read() as tx:
        assert tx.fetch_all("SELECT * FROM fruits") == []
    store.close()


def test_a_read_sees_one_snapshot_during_writes(file):
    store = Store(file, OLD_SCHEMA)
    with store.read() as read_tx:
        before = read_tx.fetch_one("SELECT count(*) FROM fruits")[0]
        with store.write() as write_tx:
            write_tx.run("INSERT INTO fruits VALUES ('fig')")
        during = read_tx.fetch_one("SELECT count(*) FROM fruits")[0]
    with store.read() as read_tx:
        after = read_tx.fetch_one("SELECT count(*) FROM fruits")[0]
    store.close()

    assert (before, during, after) == (0, 0, 1)


def test_the_database_uses_a_synchronous_wal_and_checks_foreign_keys(file):
    store = Store(file, OLD_SCHEMA)
    with store.read() as tx:
        modes = [
            tx.fetch_one(f"PRAGMA {name}")[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    store.close()

    fully_synchronous, is_on = 2, 1
    assert modes == ["wal", fully_synchronous, is_on]


def test_each_database_has_its_own_secret_which_never_changes(file, tmp_path):
    first = Store(file, OLD_SCHEMA)
    secret = first.find_or_create_secret("page tokens")
    first.close()
    reopened, other = Store(file, OLD_SCHEMA), Store(tmp_path / "other.db", OLD_SCHEMA)

    assert (reopened.find_or_create_secret("page tokens"), len(secret)) == (secret, 32)
    assert other.find_or_create_secret("page tokens") != secret
    reopened.close()
    other.close()


def test_a_closed_store_cannot_be_used(file):
    store = Store(file, OLD_SCHEMA)
    store.close()

    for use in (store.read, store.write):
        with pytest.raises(StoreError, match=r"registry\.db is closed"), use():
            pass
    with pytest.raises(StoreError, match="is closed"):
        store.find_or_create_scope("1", "r")
    assert store.check_integrity() == [f"{file} is closed"]


def test_a_transaction_that_is_running_when_the_store_is_closed_fails(file):
    store = Store(file, OLD_SCHEMA)

    def insert_after_closing():
        with store.write() as tx:
            store.close()
            tx.run("INSERT INTO fruits VALUES ('fig')")

    with pytest.raises(StoreError, match="is closed"):
        insert_after_closing()


class SmallStore(Store):
    """A store whose disk is full after about 80 KB."""

    def _open(self):
        connection = super()._open()
        connection.execute("PRAGMA max_page_count=20")
        return connection


def test_a_full_disk_is_named_and_keeps_what_was_committed(file):
    store = SmallStore(file, OLD_SCHEMA)

    def insert(size):
        with store.write() as tx:
            tx.run("INSERT INTO fruits VALUES (?)", "x" * size)

    insert(10)
    for _ in range(2):
        with pytest.raises(StoreDiskError, match=r"^there is no space left on the disk of .*/registry\.db$"):
            insert(200_000)
    insert(20)

    with store.read() as tx:
        assert [len(row["name"]) for row in tx.fetch_all("SELECT name FROM fruits")] == [10, 20]
    store.close()


@pytest.mark.parametrize(
    ("free_bytes", "problem"),
    [
        (0, "there is no space left on the disk of /proc/registry.db"),
        (1 << 20, "/proc/registry.db cannot be opened: unable to open database file"),
    ],
)
def test_a_file_that_cannot_be_opened_on_a_full_disk_is_not_called_damaged(monkeypatch, free_bytes, problem):
    usage = SimpleNamespace(total=1 << 30, free=free_bytes)
    monkeypatch.setattr("reconciler.registry.store.shutil.disk_usage", lambda _path: usage)
    with pytest.raises(StoreDiskError) as caught:
        Store("/proc/registry.db", OLD_SCHEMA)
    assert (str(caught.value), isinstance(caught.value, StoreFullError)) == (problem, free_bytes == 0)


def test_an_error_that_is_not_about_the_file_is_not_converted(file):
    store = Store(file, OLD_SCHEMA)

    with pytest.raises(sqlite3.OperationalError, match="no such table"), store.read() as tx:
        tx.fetch_all("SELECT * FROM vegetables")
    store.close()
