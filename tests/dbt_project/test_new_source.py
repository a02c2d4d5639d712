"""A source joins the canonical unions by having its staging model; nothing else is touched."""

import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.settings import load_settings
from rapport.transform import dbt

from .conftest import read, run_dbt
from .landed import NIGHT

pytestmark = pytest.mark.slow

MODEL = """
select
    'desk' as source, 'desk:people:1' as profile_id, 'e1' as event_id, 'm1' as message_id,
    'spring' as campaign, 'email' as channel, 'opened' as event_type,
    timestamptz '2026-03-01 00:00:00+00' as occurred_at
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project that a test may change."""
    shutil.copytree(
        dbt.project_dir(), tmp_path / "dbt_project", ignore=shutil.ignore_patterns("target", "logs")
    )
    shutil.copy(dbt.project_dir().parent / "rapport.yml", tmp_path)
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path))
    return tmp_path


def test_a_source_joins_by_its_staging_model_alone(
    warehouse: psycopg.Connection[Any], home: Path
) -> None:
    folder = home / "dbt_project" / "models" / "staging" / "desk"
    folder.mkdir()
    model = folder / "stg_desk__message_events.sql"
    model.write_text(MODEL)
    # With what stands there already, which is not built in this warehouse.
    select = ("run", "--select", "+int_message_events_unioned")
    run_dbt(*select, as_of=NIGHT)
    events = read(warehouse, "select * from intermediate.int_message_events_unioned")
    assert events[["source", "campaign"]].values.tolist() == [["desk", "spring"]]

    model.write_text(MODEL.replace("'spring' as campaign, ", ""))
    outcome = dbt.invoke([*select, "--full-refresh"], load_settings(), NIGHT)
    messages = " ".join(str(result.message) for result in outcome.result.results)
    assert not outcome.success and 'column "campaign" does not exist' in messages
