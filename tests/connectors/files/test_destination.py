"""Exports: what is in them, where they go, and who may read them."""

import csv
import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from tests.sftp_server import Server

from rapport.connectors.files import hashing
from rapport.connectors.files.destination import Files
from rapport.errors import ConfigError, RetryLater
from rapport.safe_csv import unescaped
from rapport.vendors.destination import Audience, Person, RunContext

RUN = "20260331T030000Z-01"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def finished(tool: Files, make: Any, *everybody: Person, audience: Any = None) -> None:
    run = RunContext(RUN, make.batch().as_of, "abc123", lambda: iter(everybody))
    tool.finish(audience or make.audience, run)


def rows(root: Path, kind: str, name: str = "files") -> list[list[str]]:
    (path,) = root.glob(f"readers/{name}/*/*__{kind}.csv")
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_who_was_new_or_left_is_in_a_file_of_its_own(tmp_path: Path, make: Any) -> None:
    tool = Files({"path": str(tmp_path)})
    changed = make.person(3, is_listed=True)
    tool.upsert(make.batch(*make.people(2, 1), changed))
    tool.remove(make.batch(make.person(4), id="batch_2"))
    finished(tool, make, *make.people(1, 2, 3))
    assert [row[0] for row in rows(tmp_path, "full")[1:]] == [f"customer_{n}" for n in (1, 2, 3)]
    assert [row[0] for row in rows(tmp_path, "added")[1:]] == ["customer_1", "customer_2"]
    assert [row[0] for row in rows(tmp_path, "removed")[1:]] == ["customer_4"]


def test_the_last_word_on_a_person_holds(tmp_path: Path, make: Any) -> None:
    tool = Files({"path": str(tmp_path)})
    tool.remove(make.batch(make.person(1)))
    tool.upsert(make.batch(*make.people(1, 2), id="batch_2"))
    tool.upsert(make.batch(make.person(1, full_name="New", is_listed=True), id="batch_3"))
    tool.remove(make.batch(make.person(2), id="batch_4"))
    finished(tool, make)
    assert [row[:3] for row in rows(tmp_path, "added")[1:]] == [
        ["customer_1", "p1@example.com", "New"]
    ]
    assert [row[0] for row in rows(tmp_path, "removed")[1:]] == ["customer_2"]


def test_a_night_without_change_writes_nothing_and_one_with_names_the_last(
    tmp_path: Path, make: Any
) -> None:
    tool = Files({"path": str(tmp_path)})
    finished(tool, make)
    (manifest,) = tmp_path.rglob("manifest.json")
    assert json.loads(manifest.read_text())["previous_run_id"] is None
    manifest.unlink()
    finished(tool, make)
    assert not manifest.exists()
    tool.upsert(make.batch(make.person(1, is_listed=True)))
    finished(tool, make, make.person(1))
    assert json.loads(manifest.read_text())["previous_run_id"] == RUN


def test_the_manifest_holds_what_the_files_are(tmp_path: Path, make: Any) -> None:
    tool = Files({"path": str(tmp_path)})
    tool.upsert(make.batch(*make.people(1, 2)))
    finished(tool, make, *make.people(1, 2))
    (manifest,) = tmp_path.rglob("manifest.json")
    for entry in json.loads(manifest.read_text())["files"]:
        content = (manifest.parent / entry["name"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["rows"] == content.count(b"\n") - 1


def test_only_their_owner_reads_them_unless_a_mode_says_more(tmp_path: Path, make: Any) -> None:
    for options, mode in (({}, 0o600), ({"mode": "0640"}, 0o640)):
        root = tmp_path / oct(mode)
        tool = Files({"path": str(root), **options})
        tool.upsert(make.batch(make.person(1)))
        finished(tool, make, make.person(1))
        written = [path for path in root.rglob("*") if path.is_file()]
        assert len(written) == 5
        for path in written:
            hidden = path.name == ".changes.sqlite"
            assert path.stat().st_mode & 0o777 == (0o600 if hidden else mode), path.name
    with pytest.raises(ConfigError, match="0640"):
        Files({"path": str(tmp_path), "mode": "rw-r-----"})


def test_no_part_of_an_export_is_a_formula_whatever_a_spreadsheet_splits_at(
    tmp_path: Path, make: Any
) -> None:
    attack = "Max;=1+cmd|' /C calc'!A0"
    audience = Audience("readers", "Readers", "email", "marketing", {"note;=1": "string"})
    one = make.person(1, full_name=attack, traits={"note;=1": "x\n@SUM(1)"})
    tool = Files({"path": str(tmp_path)})
    tool.upsert(make.batch(one, audience=audience))
    finished(tool, make, one, audience=audience)
    (path,) = tmp_path.rglob("*__full.csv")
    assert all(line.startswith('"') for line in path.read_text().splitlines()[:2])
    for delimiter in ";,\t|":
        with path.open(newline="") as file:
            cells = [cell for row in csv.reader(file, delimiter=delimiter) for cell in row]
        assert not [cell for cell in cells if cell.lstrip(' "')[:1] in set("=+-@\t")], delimiter
    header, row = rows(tmp_path, "full")
    assert unescaped(row[2]) == attack
    assert [unescaped(cell) for cell in (header[3], row[3])] == ["note;=1", "x\n@SUM(1)"]


def test_erasure_finds_an_address_that_was_disarmed(tmp_path: Path, make: Any) -> None:
    one = make.person(1, email="-anna@example.com")
    tool = Files({"path": str(tmp_path)})
    tool.upsert(make.batch(one))
    finished(tool, make, one)
    tool.erase(Person("customer_9", email="-anna@example.com"))
    assert len(rows(tmp_path, "full")) == 1


PERSON = Person(
    "c_1", email=" Anna.Berg+News@GMail.com ", phone="+49 (0)30 901820",
    full_name="Anna O'Brien-Berg",
    traits={"country": "de", "zip": " 10 115", "city": "Bad Säckingen"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (
            "google",
            {
                "Email": sha("annaberg+news@gmail.com"),
                "Phone": sha("+4930901820"),
                "First Name": sha("anna"),
                "Last Name": sha("o'brien-berg"),
                "Country": "DE",
                "Zip": "10 115",
            },
        ),
        (
            "meta",
            {
                "EMAIL": sha("anna.berg+news@gmail.com"),
                "PHONE": sha("4930901820"),
                "FN": sha("anna"),
                "LN": sha("obrienberg"),
                "CT": sha("badsäckingen"),
                "ZIP": sha("10115"),
                "COUNTRY": sha("de"),
                "EXTERN_ID": sha("c_1"),
            },
        ),
        (
            "tiktok",
            {"EMAIL_SHA256": sha("anna.berg@gmail.com"), "PHONE_SHA256": sha("+4930901820")},
        ),
    ],
)
def test_each_platform_s_normal_form_is_hashed(
    form: str, expected: dict[str, str], tmp_path: Path, make: Any
) -> None:
    traits = {"country": "string", "zip": "string", "city": "string"}
    audience = Audience("readers", "Readers", "email", "marketing", traits)
    tool = Files({"path": str(tmp_path), "hash": form})
    tool.upsert(make.batch(PERSON, audience=audience))
    finished(tool, make, PERSON, audience=audience)
    header, row = rows(tmp_path, "full")
    assert dict(zip(header, row, strict=True)) == expected
    (manifest,) = tmp_path.rglob("manifest.json")
    assert json.loads(manifest.read_text())["hashed"] == form
    text = "".join(path.read_text() for path in tmp_path.rglob("*.csv"))
    assert "anna" not in text.lower()


def test_nothing_is_never_hashed(tmp_path: Path, make: Any) -> None:
    nobody = make.person(2, email=None)
    tool = Files({"path": str(tmp_path), "hash": "tiktok"})
    results = tool.upsert(make.batch(make.person(1), nobody))
    assert [result.error for result in results] == [None, "no address"]
    finished(tool, make, make.person(1))
    assert sha("") not in "".join(path.read_text() for path in tmp_path.rglob("*.csv"))
    assert rows(tmp_path, "added")[1:] == [[sha("p1@example.com"), ""]]
    with pytest.raises(ConfigError, match="google, meta, tiktok"):
        Files({"path": str(tmp_path), "hash": "md5"})


@pytest.mark.parametrize("form", [None, "google", "meta", "tiktok"])
def test_erasure_takes_the_rows_out_of_every_file(
    form: str | None, tmp_path: Path, make: Any
) -> None:
    tool = Files({"path": str(tmp_path), "hash": form})
    tool.upsert(make.batch(*make.people(1, 2)))
    finished(tool, make, *make.people(1, 2))
    tool.remove(make.batch(make.person(1)))
    erased = Person("customer_9", email="P1@example.com", aliases=("customer_1",))
    assert tool.erase(erased) == "deleted"
    assert tool.erase(erased) == "not there"
    assert len(rows(tmp_path, "full")) == len(rows(tmp_path, "added")) == 2
    (manifest,) = tmp_path.rglob("manifest.json")
    for entry in json.loads(manifest.read_text())["files"]:
        content = (manifest.parent / entry["name"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert (entry["bytes"], entry["rows"]) == (len(content), content.count(b"\n") - 1)
    text = "".join(path.read_text() for path in tmp_path.rglob("*.csv"))
    assert not [mark for mark in hashing.marks(make.person(1)) | {"customer_1"} if mark in text]


def test_google_gets_no_name_without_country_and_zip() -> None:
    assert list(hashing.columns("google", {"country": "string"})) == ["Email", "Phone"]


def test_a_long_list_is_never_in_memory(tmp_path: Path, make: Any) -> None:
    tool, people = Files({"path": str(tmp_path)}), 10_000
    for start in range(0, people, 5000):
        tool.upsert(make.batch(*make.people(*range(start, start + 5000)), id=str(start)))
    tracemalloc.start()
    run = RunContext(RUN, make.batch().as_of, "abc", lambda: map(make.person, range(people)))
    tool.finish(make.audience, run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rows(tmp_path, "added")) == people + 1
    assert peak < 2_500_000


def test_a_file_url_is_a_folder(tmp_path: Path, make: Any) -> None:
    tool = Files({"path": f"file://{tmp_path / 'out'}"})
    tool.upsert(make.batch(make.person(1)))
    finished(tool, make, make.person(1))
    assert rows(tmp_path / "out", "added")[1:] == [
        ["customer_1", "p1@example.com", "Person 1", "1"]
    ]
    (manifest,) = (tmp_path / "out").rglob("manifest.json")
    assert manifest.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    root = tmp_path / "remote"
    root.mkdir()
    made = Server(root)
    yield made
    made.stop()


@pytest.mark.filterwarnings("ignore")  # of Airflow's hook and paramiko about themselves
def test_an_sftp_server_never_shows_half_a_file(
    server: Server, tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    key = f"ssh-ed25519 {server.host_key}"
    monkeypatch.setenv("AIRFLOW_CONN_PARTNER", server.connection(host_key=key))
    tool = Files({"path": "sftp:///in/rapport", "conn_id": "partner", "hash": "meta"})
    tool.upsert(make.batch(make.person(1)))
    finished(tool, make, make.person(1))
    home = server.root / "in" / "rapport"
    assert rows(home, "added")[1][0] == sha("p1@example.com")
    assert [name.rpartition("__")[2] for name in server.renamed] == [
        "full.csv",
        "added.csv",
        "removed.csv",
        "manifest.json",
    ]
    assert {path.stat().st_mode & 0o777 for path in home.rglob("*.*")} == {0o600}
    assert server.modes == {0o600}, "also while they were written"


@pytest.mark.filterwarnings("ignore")
def test_a_server_with_another_key_gets_nothing(
    server: Server, tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the hook's, between its attempts
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    options = {"path": "sftp:///in", "conn_id": "partner"}
    for extra, error in (
        ({"host_key": " ".join(other.split(" ")[:2])}, RetryLater),
        ({"no_host_key_check": "true"}, ConfigError),
    ):
        monkeypatch.setenv("AIRFLOW_CONN_PARTNER", server.connection(**extra))
        tool = Files(options)
        tool.upsert(make.batch(make.person(1)))
        with pytest.raises(error):
            finished(tool, make, make.person(1))
    assert list(server.root.iterdir()) == []
    with pytest.raises(ConfigError, match="conn_id"):
        Files({"path": "sftp:///in"})
