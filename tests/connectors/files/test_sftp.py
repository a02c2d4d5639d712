"""Files of an SFTP server: which are found, what is read again, whom it speaks to."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pydantic import ValidationError
from tests.sftp_server import Server

from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.source import Files
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.vendors.connections import Connection
from rapport.vendors.source import Position

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)

# Of Airflow's hook and paramiko about themselves.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    root = tmp_path / "remote"
    (root / "out").mkdir(parents=True)
    made = Server(root)
    key = f"ssh-ed25519 {made.host_key}"
    monkeypatch.setenv("AIRFLOW_CONN_PARTNER", made.connection(host_key=key))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the hook's, between its attempts
    yield made
    made.stop()


def pull(path: str, position: Position | None = None) -> tuple[list[str], Position | None]:
    """The keys that came, and where to go on."""
    dataset = {"path": path, "conn_id": "partner", "format": "csv", "entity": "orders",
               "key": ["id"]}  # fmt: skip
    source = Files({"datasets": {"shop": dataset}})
    (stream,) = source.streams()
    with source.client(Connection("files")) as client:
        pages = list(stream.pages(client, position, AS_OF))
    keys = [stream.read_key(record).key for page in pages for record in page.records]
    return keys, next((page.position for page in reversed(pages) if page.position), position)


def put(server: Server, name: str, *ids: int) -> Path:
    path = server.root / "out" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("id,sum\n" + "".join(f"{id},1\n" for id in ids))
    return path


def test_the_files_that_match_are_read_by_name(server: Server) -> None:
    put(server, "orders-2.csv", 3)
    put(server, "orders-1.csv", 1, 2)
    put(server, "returns-1.csv", 9)
    assert pull("sftp:///out/orders-?.csv")[0] == ["1", "2", "3"]
    assert pull("sftp:///out")[0] == ["1", "2", "3", "9"]
    assert pull("sftp:///out/orders-2.csv")[0] == ["3"]


def test_a_wildcard_in_the_middle_leads_into_folders(server: Server) -> None:
    put(server, "2026-03/orders.csv", 1)
    put(server, "2026-04/orders.csv", 2)
    put(server, "orders.csv", 3)
    assert pull("sftp:///out/2026-*/*.csv")[0] == ["1", "2"]


def test_what_is_still_being_written_or_hidden_is_left_out(server: Server) -> None:
    put(server, "orders.csv.part", 1)
    put(server, ".orders.csv", 2)
    put(server, "orders.csv", 3)
    assert pull("sftp:///out/*")[0] == ["3"]


def test_a_link_is_not_followed(server: Server) -> None:
    put(server, "orders.csv", 1)
    (server.root / "secret.csv").write_text("id,sum\n7,1\n")
    (server.root / "out" / "link.csv").symlink_to(server.root / "secret.csv")
    assert pull("sftp:///out/*.csv")[0] == ["1"]


def test_a_file_that_did_not_change_is_not_read_again(server: Server) -> None:
    put(server, "a.csv", 1)
    path = put(server, "b.csv", 2)
    _, position = pull("sftp:///out/*.csv")
    assert pull("sftp:///out/*.csv", position)[0] == []
    put(server, "b.csv", 2, 3)
    keys, position = pull("sftp:///out/*.csv", position)
    assert keys == ["2", "3"]
    path.unlink()
    assert pull("sftp:///out/*.csv", position)[0] == []


def test_a_server_with_another_key_is_asked_for_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(server, "orders.csv", 1)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    extra = {"host_key": " ".join(other.split(" ")[:2])}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNER", server.connection(**extra))
    with pytest.raises(RetryLater, match="Check its host, login, host_key"):
        pull("sftp:///out/*.csv")
    monkeypatch.setenv("AIRFLOW_CONN_PARTNER", server.connection(no_host_key_check="true"))
    with pytest.raises(ConfigError, match="could be anybody"):
        pull("sftp:///out/*.csv")


def test_a_folder_that_is_not_there_says_so(server: Server) -> None:
    with pytest.raises(GiveUp, match=r"sftp:///in/\*\.csv is not there"):
        pull("sftp:///in/*.csv")


def test_a_line_that_breaks_leaves_the_rest_of_the_files_for_later(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(server, "a.csv", 1)
    put(server, "b.csv", 2)
    monkeypatch.setattr(server, "breaks_at", "b.csv")
    with pytest.raises(RetryLater, match="reading from"):
        pull("sftp:///out/*.csv")


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"path": "sftp:///out/*.csv"}, "needs conn_id"),
        ({"path": "sftp://host/out/*.csv", "conn_id": "partner"}, "stands in the connection"),
        ({"path": "sftp:///out/**/x.csv", "conn_id": "partner"}, r"no \*\*"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Dataset(format="csv", entity="orders", **said)
