"""Exports to an S3 server: whole files, the manifest last, and what is said when it cannot be."""

import hashlib
import importlib.util
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.faults.proxy import Proxy

from rapport.connectors.files.destination import Files
from rapport.errors import RetryLater
from rapport.vendors.destination import RunContext

RUN = "20260331T030000Z-01"
MISSING = [name for name in ("s3fs", "moto") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"{', '.join(MISSING)} not installed: `make install` brings all extras"
)


class Bucket:
    """A bucket of an S3 server in this process, which keeps a log of what was asked of it."""

    def __init__(self) -> None:
        import boto3
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self.log: list[tuple[str, str]] = []
        app = DomainDispatcherApplication(create_backend_app)

        def logged(environ: Any, start: Any) -> Any:
            self.log.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
            return app(environ, start)

        self._server = make_server("127.0.0.1", 0, logged, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        httpx.post(f"{self.address}/moto-api/reset").raise_for_status()  # it outlives its server
        login = {"aws_access_key_id": "rapport", "aws_secret_access_key": "secret"}
        self.client = boto3.client(
            "s3", endpoint_url=self.address, region_name="us-east-1", **login
        )
        self.client.create_bucket(Bucket="exports")

    def names(self) -> list[str]:
        listed = self.client.list_objects_v2(Bucket="exports")
        return [one["Key"] for one in listed.get("Contents", ())]

    def read(self, name: str) -> bytes:
        return bytes(self.client.get_object(Bucket="exports", Key=name)["Body"].read())

    def close(self) -> None:
        self.client.close()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    made = Bucket()
    connect(monkeypatch, made.address)
    yield made
    made.close()


def connect(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Make the address that of the connection `store`; fsspec remembers clients, so forget them."""
    import s3fs

    once = {"retries": {"max_attempts": 0}, "connect_timeout": 5, "read_timeout": 20}
    connection = {
        "conn_type": "aws",
        "login": "rapport",
        "password": "secret",
        "extra": {"endpoint_url": address, "region_name": "us-east-1", "config_kwargs": once},
    }
    monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps(connection))
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    from airflow.sdk.io import store

    store._STORE_CACHE.clear()


def gone(proxy: Proxy) -> None:
    """The line breaks and stays broken; a single break is healed by the client."""
    proxy.__exit__()


def export(make: Any, *numbers: int, path: str = "s3://exports/lists") -> None:
    tool = Files({"path": path, "conn_id": "store"})
    tool.upsert(make.batch(*make.people(*numbers)))
    everybody = make.people(*numbers)
    tool.finish(make.audience, RunContext(RUN, make.batch().as_of, "abc", lambda: iter(everybody)))


def test_a_bucket_gets_the_files_and_the_manifest_last(bucket: Bucket, make: Any) -> None:
    export(make, 1, 2)
    written = [path for method, path in bucket.log if method in ("PUT", "POST") and "." in path]
    assert [path.rpartition("__")[2].rpartition("/")[2] for path in written] == [
        "full.csv", "added.csv", "removed.csv", "manifest.json",
    ]  # fmt: skip
    (manifest,) = [name for name in bucket.names() if name.endswith("manifest.json")]
    assert manifest.startswith("lists/readers/files/2026-")
    for entry in json.loads(bucket.read(manifest))["files"]:
        content = bucket.read(f"{manifest.rpartition('/')[0]}/{entry['name']}")
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["rows"] == content.count(b"\n") - 1


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.92])
def test_a_line_that_breaks_leaves_no_half_file_and_no_manifest(
    bucket: Bucket, make: Any, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    numbers = range(500)
    with Proxy(bucket.address) as proxy:
        connect(monkeypatch, proxy.url)
        export(make, *numbers, path="s3://exports/whole")
        size = proxy.passed
    whole = {name.removeprefix("whole/"): bucket.read(name) for name in bucket.names()}
    assert len(whole) == 4
    with Proxy(bucket.address, after=int(size * share), then=gone) as proxy:
        connect(monkeypatch, proxy.url)
        with pytest.raises(RetryLater, match=r'while writing to connection "store"') as failed:
            export(make, *numbers)
    assert "example.com" not in str(failed.value)
    there = {name.removeprefix("lists/") for name in bucket.names() if name.startswith("lists/")}
    assert not any(name.endswith("manifest.json") for name in there)
    for name in there:
        assert bucket.read(f"lists/{name}") == whole[name], name
    connect(monkeypatch, bucket.address)
    export(make, *numbers)
    assert {name: bucket.read(f"lists/{name}") for name in whole} == whole


def test_a_bucket_that_is_not_there_is_said_and_the_other_lists_go_on(
    bucket: Bucket, make: Any
) -> None:
    with pytest.raises(RetryLater, match=r"s3: FileNotFoundError .* Check its endpoint, login"):
        export(make, 1, path="s3://nowhere/lists")
