from typing import Any

import pytest

from rapport.paths import project_root
from rapport.settings import load_settings


@pytest.fixture(scope="module")
def dags(postgres: str) -> dict[str, Any]:
    from rapport.operations.airflow_env import ensure_airflow_metadata

    ensure_airflow_metadata()
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(project_root() / "dags"))
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_there_is_a_dag_for_each_source_and_four_more(dags: dict[str, Any]) -> None:
    sources = load_settings().enabled("sources")
    assert len(sources) >= 5
    assert set(dags) == {f"ingest_{name}" for name in sources} | {
        "build_customers", "activate_segments", "approve_lists", "privacy_requests",
    }  # fmt: skip


def test_every_dag_says_who_owns_it_and_what_to_do_when_it_fails(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert dag.owner not in ("", "airflow"), dag.dag_id
        assert "**If " in dag.doc_md, dag.dag_id
        assert "safe" in dag.doc_md, dag.dag_id
        assert "docs/runbooks.md" in dag.doc_md, dag.dag_id
        assert not dag.catchup
        assert dag.max_active_runs == 1


def test_tasks_are_tried_again_by_the_class_of_the_error(dags: dict[str, Any]) -> None:
    from airflow.sdk.definitions.retry_policy import RetryAction

    from rapport.errors import ConfigError, GateFailed, GiveUp, RetryLater

    for dag in dags.values():
        for task in dag.tasks:
            assert task.retries >= 2, task.task_id
            decide = lambda error: task.retry_policy.evaluate(error, 1, 3).action  # noqa: E731, B023
            assert decide(RetryLater("busy")) is RetryAction.RETRY
            for final in (GiveUp, ConfigError, GateFailed):
                assert decide(final("no")) is RetryAction.FAIL


def test_assets_chain_from_the_sources_to_the_tools(dags: dict[str, Any]) -> None:
    def outlets(dag: Any) -> set[str]:
        return {asset.name for task in dag.tasks for asset in task.outlets}

    landed = {f"raw/{name}" for name in load_settings().enabled("sources")}
    assert {
        name for key, dag in dags.items() if key.startswith("ingest_") for name in outlets(dag)
    } == landed
    build = dags["build_customers"]
    assert {asset.name for asset in build.timetable.asset_condition.objects} == landed
    assert outlets(build) == {"marts/customers"}
    activate = dags["activate_segments"]
    assert {asset.name for asset in activate.timetable.asset_condition.objects} == {
        "marts/customers"
    }


def test_the_gate_stands_between_the_build_and_the_publication(dags: dict[str, Any]) -> None:
    build = dags["build_customers"]
    assert build.get_task("publish").upstream_task_ids == {"check_publication"}
    assert build.get_task("check_publication").upstream_task_ids == {"predict"}
    assert build.get_task("predict").upstream_task_ids == {"build_marts"}


def test_nothing_is_built_before_it_was_asked_who_is_missing(dags: dict[str, Any]) -> None:
    build = dags["build_customers"]
    assert {task.task_id for task in build.tasks if not task.upstream_task_ids} == {
        "wait_for_sources"
    }
    assert build.get_task("wait_for_sources").mode == "reschedule", "a wait must hold no place"


def test_nothing_is_pushed_before_the_tools_were_asked_who_is_out(dags: dict[str, Any]) -> None:
    activate = dags["activate_segments"]
    pushes = [task for task in activate.tasks if task.task_id.startswith("push_")]
    assert len(pushes) == len(load_settings().enabled("destinations"))
    for task in pushes:
        upstream = {item.task_id for item in task.get_flat_relatives(upstream=True)}
        assert {"pull_suppressions", "plan"} <= upstream


def test_a_list_that_waits_for_a_person_holds_no_other_up(dags: dict[str, Any]) -> None:
    activate, approve = dags["activate_segments"], dags["approve_lists"]
    assert activate.get_task("ask_for_approval").downstream_task_ids == set()
    assert {asset.name for asset in approve.timetable.asset_condition.objects} == {
        "activation/waiting"
    }
    asked = approve.get_task("one_list.ask")
    assert asked.downstream_task_ids == {"one_list.activate"}
    assert approve.get_task("one_list.activate").trigger_rule == "all_success"


@pytest.mark.parametrize(
    ("nightly", "minutes", "expected"),
    [("0 3 * * *", 120, "0 5 * * *"), ("30 23 * * *", 45, "15 0 * * *")],
)
def test_the_cut_off_is_the_night_s_begin_and_some_minutes(
    nightly: str, minutes: int, expected: str
) -> None:
    from rapport.settings import Schedule, Settings
    from rapport.tasks.scheduling import cutoff

    settings = Settings(schedule=Schedule(nightly=nightly, cutoff_minutes=minutes))
    assert cutoff(settings) == expected
