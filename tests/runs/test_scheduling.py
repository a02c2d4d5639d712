"""When a build begins, and which night a task belongs to; no scheduler, no clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from rapport.errors import ConfigError
from rapport.runs import begin, finish, join, latest, stage, summary
from rapport.runs.stages import Kind
from rapport.settings import Schedule, Settings
from rapport.tasks import cut_off, verbs

SOURCES = {"hubspot": {}, "zendesk": {}}
NOW = datetime.now(UTC).replace(microsecond=0)


def settings(ago: int, cutoff_minutes: int = 60) -> Settings:
    """A company whose night began so many minutes ago."""
    begun = NOW - timedelta(minutes=ago)
    return Settings(
        demo=False,
        sources=SOURCES,
        schedule=Schedule(
            nightly=f"{begun.minute} {begun.hour} * * *", cutoff_minutes=cutoff_minutes
        ),
    )


STAGES: dict[str, tuple[Kind, str | None]] = {
    "land hubspot": ("land", "hubspot"),
    "land zendesk": ("land", "zendesk"),
    "check hubspot": ("check_arrival", "hubspot"),
    "check zendesk": ("check_arrival", "zendesk"),
    "build staging": ("build", "staging"),
    "publish": ("publish", None),
}


def done(*names: str) -> None:
    run = latest() or begin(NOW)
    for name in names:
        with stage(run, *STAGES[name]):
            pass


def test_a_build_waits_for_the_sources_that_have_not_landed_since_the_night_began(
    warehouse: Any,
) -> None:
    assert cut_off.missing(settings(ago=5), NOW) == ["hubspot", "zendesk"]
    done("land hubspot", "check hubspot", "land zendesk")
    assert cut_off.missing(settings(ago=5), NOW) == ["zendesk"]
    done("check zendesk")
    assert cut_off.missing(settings(ago=5), NOW) == []


def test_what_landed_last_night_does_not_count_tonight(warehouse: Any) -> None:
    done("check hubspot", "check zendesk")
    warehouse.execute("update ops.stages set started_at = started_at - interval '1 day'")
    assert cut_off.missing(settings(ago=5), NOW) == ["hubspot", "zendesk"]


def test_a_source_whose_arrival_was_refused_has_not_landed(warehouse: Any) -> None:
    night = begin(NOW)
    done("check hubspot")
    with pytest.raises(ConfigError), stage(night, "check_arrival", "zendesk"):
        raise ConfigError("refused")
    assert cut_off.missing(settings(ago=5), NOW) == ["zendesk"]


def test_nobody_is_waited_for_after_the_cut_off() -> None:
    assert cut_off.is_past_cutoff(settings(ago=60, cutoff_minutes=60), NOW)
    assert not cut_off.is_past_cutoff(settings(ago=59, cutoff_minutes=60), NOW)


def test_a_night_that_went_on_without_a_source_is_partial_and_says_which(
    warehouse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("land hubspot", "check hubspot")
    monkeypatch.setattr(verbs, "load_settings", lambda: settings(ago=5))
    assert not verbs.wait_for_sources("asset_triggered")
    monkeypatch.setattr(verbs, "load_settings", lambda: settings(ago=5, cutoff_minutes=4))
    assert verbs.wait_for_sources("asset_triggered")
    done("build staging", "publish")
    night = latest()
    assert night is not None
    stages = summary.summarise(night).stages
    assert summary.status_of(stages) == "partial"
    assert [stage.error for stage in stages if stage.error] == [
        "RetryLater: zendesk: not landed at the cut-off, so built with older data. "
        "See the DAG of that source; what lands later waits for the next build."
    ]


def test_a_night_is_done_once_all_that_landed_is_published(warehouse: Any) -> None:
    tonight = settings(ago=5)
    assert not cut_off.is_done(tonight, NOW)
    done("land hubspot", "check hubspot", "build staging")
    assert not cut_off.is_done(tonight, NOW)
    done("publish")
    assert cut_off.is_done(tonight, NOW)
    done("land zendesk")
    assert not cut_off.is_done(tonight, NOW), "zendesk came later"
    done("build staging", "publish")
    assert cut_off.is_done(tonight, NOW)


def test_last_night_s_publication_does_not_make_tonight_done(warehouse: Any) -> None:
    done("land hubspot", "build staging", "publish")
    warehouse.execute("update ops.stages set started_at = started_at - interval '1 day'")
    assert not cut_off.is_done(settings(ago=5), NOW)


def test_a_build_that_failed_is_begun_again_at_the_cut_off(warehouse: Any) -> None:
    done("land hubspot", "build staging")
    with pytest.raises(ConfigError), stage(begin(NOW), "publish"):
        raise ConfigError("no")
    assert not cut_off.is_done(settings(ago=5), NOW)


@pytest.mark.parametrize("set_off_by", ["scheduled", "asset_triggered", "manual"])
def test_only_the_cut_off_skips_a_build_and_only_an_asset_s_run_waits(
    warehouse: Any, monkeypatch: pytest.MonkeyPatch, set_off_by: str
) -> None:
    monkeypatch.setattr(verbs, "load_settings", lambda: settings(ago=5))
    assert verbs.wait_for_sources(set_off_by) is (set_off_by != "asset_triggered")
    done("check hubspot", "check zendesk", "build staging", "publish")
    if set_off_by == "scheduled":
        with pytest.raises(AirflowSkipException):
            verbs.wait_for_sources(set_off_by)
    else:
        assert verbs.wait_for_sources(set_off_by)


def test_a_task_without_a_time_joins_the_open_night(warehouse: Any) -> None:
    night = begin(NOW)
    assert join(None, settings(ago=5)) == night
    assert join(NOW, settings(ago=5)) == night


def test_a_newer_night_takes_the_place_of_an_open_one(warehouse: Any) -> None:
    begin(NOW - timedelta(days=1))
    assert join(NOW, settings(ago=5)).as_of == NOW


def test_a_task_of_last_night_that_is_cleared_does_not_end_tonight(warehouse: Any) -> None:
    tonight = begin(NOW)
    assert join(NOW - timedelta(days=1), settings(ago=5)) == tonight
    finish(tonight, "succeeded")
    late = join(NOW - timedelta(days=1), settings(ago=5))
    assert late.as_of >= NOW, "time does not go back"


@pytest.mark.parametrize("nightly", ["*/5 3 * * *", "0 * * * *", "0 25 * * *"])
def test_a_cron_line_without_a_single_time_is_refused(nightly: str) -> None:
    with pytest.raises(ConfigError, match="one minute and one hour"):
        cut_off.time_of_day(Schedule(nightly=nightly))


@pytest.mark.parametrize(
    ("now", "begun"),
    [
        ("2026-03-31T03:00:00+00:00", "2026-03-31T03:00:00+00:00"),
        ("2026-03-31T02:59:59+00:00", "2026-03-30T03:00:00+00:00"),
        ("2026-03-31T04:00:00+02:00", "2026-03-30T03:00:00+00:00"),
    ],
)
def test_a_moment_belongs_to_the_night_that_began_before_it(now: str, begun: str) -> None:
    found, _ = cut_off.begin_and_cutoff(Schedule(), datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(begun)
