"""Events and sessions are built from what is new, and equal a build from scratch."""

from typing import Any

import pandas as pd
import psycopg
import pytest

from .conftest import read, run_dbt
from .landed import NEXT_NIGHT, NIGHT, land
from .payloads import event

pytestmark = pytest.mark.slow

SELECT = (
    "build",
    "--select",
    "+int_web_events_sessionised",
    "--exclude-resource-type",
    "unit_test",
)
TECHNICAL = ["load_landed", "landed_mark"]


def build_sessions(*args: str) -> dict[str, str]:
    results = run_dbt(*SELECT, *args, as_of=NIGHT)
    return {
        result.node.name: result.adapter_response.get("rows_affected")
        for result in results
        if result.node.name.startswith("int_web")
    }


def tables(warehouse: psycopg.Connection[Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return (
        read(warehouse, "select * from intermediate.int_web_events_unioned order by event_id").drop(
            columns=TECHNICAL
        ),
        read(
            warehouse, "select * from intermediate.int_web_events_sessionised order by session_id"
        ).drop(columns=["landed_mark"]),
    )


def test_an_incremental_night_equals_a_full_refresh(warehouse: psycopg.Connection[Any]) -> None:
    first = {
        "e1": event("e1", "2026-03-29 10:00:00", user_id="u_1", device_id="d"),
        "e2": event("e2", "2026-03-29 10:40:00", user_id="u_1", device_id="d"),
        "e3": event("e3", "2026-03-29 10:00:00", user_id="u_2", device_id="e"),
        "e0": event("e0", "2026-03-30 09:50:00", device_id="phone"),
        "b1": event("b1", "2026-03-29 10:00:00", device_id="bot", user_agent="bot"),
    }
    land(warehouse, "amplitude__events", first, NIGHT)
    assert build_sessions() == {"int_web_events_unioned": 5, "int_web_events_sessionised": 4}
    before = tables(warehouse)

    assert build_sessions() == {"int_web_events_unioned": 0, "int_web_events_sessionised": 0}

    late = {
        "e4": event("e4", "2026-03-29 10:20:00", user_id="u_1", device_id="d"),
        "e3": event("e3", "2026-03-29 10:00:00", "purchase", user_id="u_2", device_id="e"),
        "e5": event("e5", "2026-03-30 10:00:00", user_id="u_3", device_id="phone"),
    }
    land(warehouse, "amplitude__events", late, NEXT_NIGHT)
    moved = build_sessions()
    assert moved["int_web_events_unioned"] == 3
    incremental = tables(warehouse)
    assert not incremental[0].equals(before[0])
    assert sorted(incremental[1].events) == [1, 2, 3]

    build_sessions("--full-refresh")
    full = tables(warehouse)
    pd.testing.assert_frame_equal(incremental[0], full[0])
    pd.testing.assert_frame_equal(incremental[1], full[1])


def test_rows_that_a_running_load_commits_later_are_not_missed(
    warehouse: psycopg.Connection[Any],
) -> None:
    land(warehouse, "amplitude__events", {"e1": event("e1", "2026-03-29 10:00:00")}, NIGHT)
    build_sessions()
    warehouse.execute(
        """
        insert into raw.amplitude__events
        select 'e2', payload, payload_hash, load_id, as_of, first_as_of, true, false
        from raw.amplitude__events;
        update raw.loads set landed = 2;
        """
    )
    build_sessions()
    events, _ = tables(warehouse)
    assert list(events.event_id) == ["e1", "e2"]
