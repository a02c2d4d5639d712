"""Several destinations of one kind, each with a name of its own."""

from pathlib import Path
from typing import Any

import pytest

from rapport.activation.segments.declarations import Segment
from rapport.connectors import destination_names, open_destination
from rapport.connectors.files.destination import Files
from rapport.errors import ConfigError
from rapport.operations.doctor import _connections
from rapport.settings import load_settings

TWO = """
demo: true
destinations:
  files_meta: {kind: files, hash: meta, path: %s}
  crm_hook: {kind: webhook}
"""


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rapport.yml").write_text(TWO % tmp_path)
    monkeypatch.setenv("RAPPORT_CONFIG", str(tmp_path / "rapport.yml"))


@pytest.mark.usefixtures("two")
def test_a_destination_may_have_a_name_of_its_own(tmp_path: Path, make: Any) -> None:
    options = load_settings().enabled("destinations")["files_meta"]
    tool = open_destination("files_meta", options)
    assert isinstance(tool, Files)
    assert (tool.name, tool.options.hash) == ("files_meta", "meta")
    tool.upsert(make.batch(make.person(1)))
    assert (tmp_path / "readers" / "files_meta").is_dir()
    assert {"files", "files_meta", "crm_hook"} <= set(destination_names())
    assert Segment._known(("files_meta", "crm_hook")) == ("files_meta", "crm_hook")


@pytest.mark.usefixtures("two")
def test_its_connection_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    options = load_settings().enabled("destinations")["crm_hook"]
    with pytest.raises(ConfigError, match="AIRFLOW_CONN_CRM_HOOK"):
        open_destination("crm_hook", options)
    (finding,) = [one for one in _connections() if one.name == "connection crm_hook"]
    assert finding.state == "problem"
    assert "whsec_" in finding.advice


def test_a_kind_that_is_none_and_a_name_that_fits_no_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rapport.yml").write_text("destinations:\n  list: {kind: fils}\n")
    with pytest.raises(ConfigError, match="no such destination"):
        load_settings(tmp_path / "rapport.yml")
    with pytest.raises(ConfigError, match="small letters"):
        open_destination("../list", {"kind": "files"})
