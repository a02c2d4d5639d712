from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from rapport.errors import RetryLater, StaleWriter
from rapport.runs import builds
from rapport.runs.builds import step
from rapport.runs.run import Run, begin

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)


@pytest.fixture
def night(warehouse: psycopg.Connection[Any]) -> Run:
    return begin(AS_OF)


def test_the_steps_of_one_build_follow_each_other(night: Run) -> None:
    with step(night, "scheduled", begins=True):
        pass
    with step(night, "scheduled"):
        pass


def test_a_newer_build_ends_the_older_one_at_its_next_step(night: Run) -> None:
    with step(night, "scheduled", begins=True):
        pass
    with step(night, "by hand", begins=True):
        pass
    with pytest.raises(StaleWriter, match="another build"), step(night, "scheduled"):
        pytest.fail("an overtaken build must not go on")
    with step(night, "by hand"):
        pass


def test_a_build_that_begins_again_is_the_newest(night: Run) -> None:
    for holder in ("scheduled", "by hand", "scheduled"):
        with step(night, holder, begins=True):
            pass
    with step(night, "scheduled"):
        pass


def test_a_new_build_waits_for_the_running_step_of_another(
    night: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "PATIENCE", timedelta(milliseconds=50))
    with (
        step(night, "scheduled", begins=True),
        pytest.raises(RetryLater, match="has not ended"),
        step(night, "by hand", begins=True),
    ):
        pytest.fail("two builds must not write at once")
    with step(night, "by hand", begins=True):
        pass
