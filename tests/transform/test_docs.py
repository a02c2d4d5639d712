"""The documentation knows what goes where."""

import functools
import http.server
import re
import threading
from pathlib import Path

import httpx
import yaml

from rapport.cli import docs as command
from rapport.transform import dbt, docs

PUBLISHED = re.compile(r"publish: marts\b")


def test_every_segment_has_an_exposure_in_each_of_its_tools_with_its_fields() -> None:
    found = {
        exposure["name"]: exposure for exposure in docs.exposures(dbt.project_dir())["exposures"]
    }
    checked = 0
    for path in (dbt.project_dir() / "models" / "segments").glob("*.yml"):
        model = yaml.safe_load(path.read_text())["models"][0]
        segment = model["config"]["meta"]["segment"]
        for destination in segment["destinations"]:
            exposure = found.pop(f"{segment['key']}_in_{destination}")
            assert exposure["depends_on"] == [f"ref('{model['name']}')"]
            for column, field in segment["traits"].items():
                assert f"`{column}` as `{field}`" in exposure["description"]
            checked += 1
    assert checked >= 18
    assert list(found) == ["bi"]


def test_bi_depends_on_every_table_that_it_may_read() -> None:
    bi = docs.exposures(dbt.project_dir())["exposures"][0]
    models = dbt.project_dir() / "models"
    published = {path.stem for path in models.rglob("*.yml") if PUBLISHED.search(path.read_text())}
    assert len(published) > 40
    assert set(bi["depends_on"]) == {f"ref('{name}')" for name in published}


def test_the_page_is_served_and_nothing_else_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "static_index.html").write_text("page")
    (tmp_path / "manifest.json").write_text("secret")
    handler = functools.partial(command._Page, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer((command.HERE, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://{command.HERE}:{server.server_port}"
        assert [httpx.get(base + path).text for path in ("/", "/manifest.json")] == ["page", "page"]
        server.shutdown()
