"""Klaviyo's own traps; the rest is in tests/contracts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rapport.vendors.destination import Batch, Destination, Job, Result
from rapport_sandbox.recorder import Recorder
from rapport_sandbox.vendors import klaviyo as double
from rapport_sandbox.vendors.klaviyo import profile_id

API = "/klaviyo/api"


@pytest.fixture
def klaviyo(tool: Callable[..., Destination], make: Any) -> Destination:
    opened = tool("klaviyo")
    opened.prepare(make.audience)
    return opened


def through(tool: Destination, batch: Batch) -> Sequence[Result]:
    """The answers at the end of the job."""
    job = tool.upsert(batch)
    assert isinstance(job, Job)
    while (results := tool.poll(job, batch)) is None:
        pass
    return results


def listed(twins: Recorder) -> list[str]:
    return twins.shelf("klaviyo").get("lists", "LIST01")["members"]


def test_accepted_is_not_applied(klaviyo: Destination, twins: Recorder, make: Any) -> None:
    batch = make.batch(*make.people(1, 2))
    job = klaviyo.upsert(batch)
    assert isinstance(job, Job)
    assert klaviyo.poll(job, batch) is None
    assert listed(twins) == []
    results = klaviyo.poll(job, batch)
    assert results is not None
    assert [result.remote_id for result in results] == listed_ids(1, 2)
    assert listed(twins) == sorted(listed_ids(1, 2))


def listed_ids(*numbers: int) -> list[str]:
    return [profile_id(f"customer_{number}") for number in numbers]


def test_an_import_error_is_one_row_s(klaviyo: Destination, twins: Recorder, make: Any) -> None:
    bad = make.person(2, email="nobody")
    results = through(klaviyo, make.batch(make.person(1), bad, make.person(3)))
    assert [result.error for result in results] == [None, "invalid", None]
    assert listed(twins) == sorted(listed_ids(1, 3))


def test_an_error_that_names_no_row_accepts_nobody(
    klaviyo: Destination, twins: Recorder, make: Any
) -> None:
    batch = make.batch(make.person(1), make.person(2, email="nobody"))
    job = klaviyo.upsert(batch)
    assert isinstance(job, Job)
    assert klaviyo.poll(job, batch) is None
    assert klaviyo.poll(job, batch) is not None
    held = twins.shelf("klaviyo").get("jobs", job.id)
    held["errors"][0]["attributes"] |= {"source": {}, "original_payload": None}
    twins.shelf("klaviyo").put("jobs", job.id, held)
    results = klaviyo.poll(job, batch)
    assert results is not None
    assert all(not result.accepted for result in results)


@pytest.mark.parametrize("is_null", [True, False])
def test_without_a_count_of_failures_the_list_of_errors_decides(
    klaviyo: Destination, make: Any, monkeypatch: pytest.MonkeyPatch, is_null: bool
) -> None:
    told = double._job

    def uncounted(id: str, job: Any) -> Any:
        answer = told(id, job)
        if is_null:
            answer["attributes"]["failed_count"] = None
        else:
            del answer["attributes"]["failed_count"]
        return answer

    monkeypatch.setattr(double, "_job", uncounted)
    results = through(klaviyo, make.batch(make.person(1), make.person(2, email="nobody")))
    assert [result.error for result in results] == [None, "invalid"]


def test_a_cancelled_job_accepts_nobody(klaviyo: Destination, twins: Recorder, make: Any) -> None:
    batch = make.batch(make.person(1))
    job = klaviyo.upsert(batch)
    assert isinstance(job, Job)
    held = twins.shelf("klaviyo").get("jobs", job.id)
    twins.shelf("klaviyo").put("jobs", job.id, {**held, "status": "cancelled"})
    assert klaviyo.poll(job, batch) == [Result("customer_1", error="cancelled")]


def test_who_leaves_is_off_the_list_without_the_trait(
    klaviyo: Destination, twins: Recorder, make: Any
) -> None:
    people = make.people(1, 2)
    through(klaviyo, make.batch(*people))
    twins.requests.clear()
    leaving = [replace(people[0], traits={"score": None}), replace(people[1], traits={})]
    assert all(result.accepted for result in klaviyo.remove(make.batch(*leaving)))
    assert listed(twins) == []
    job = twins.shelf("klaviyo").get("jobs", "job00002")
    unset = {"patch_properties": {"unset": ["rapport_score"]}}
    assert [row["meta"] for row in job["rows"]] == [unset]
    assert job["lists"] == []
    assert twins.calls() == [
        f"DELETE {API}/lists/LIST01/relationships/profiles",
        f"POST {API}/profile-bulk-import-jobs",
    ]


def test_consent_is_pulled_and_never_given(
    klaviyo: Destination, twins: Recorder, make: Any
) -> None:
    through(klaviyo, make.batch(*make.people(1, 2, 3, 4)))
    shelf = twins.shelf("klaviyo")
    for number, marketing in (
        (1, {"consent": "UNSUBSCRIBED", "suppression": []}),
        (2, {"consent": "SUBSCRIBED", "suppression": [{"reason": "HARD_BOUNCE"}]}),
        (3, {"consent": "SUBSCRIBED", "suppression": [{"reason": "SPAM_COMPLAINT"}]}),
    ):
        held = shelf.get("profiles", *listed_ids(number))
        held["attributes"]["subscriptions"] = {"email": {"marketing": marketing}}
        shelf.put("profiles", *listed_ids(number), held)
    said = {contact.external_id: contact.says for contact in klaviyo.contacts()}
    assert said == {
        "customer_1": ("unsubscribed",),
        "customer_2": ("bounced",),
        "customer_3": ("complained",),
        "customer_4": (),
    }
    through(klaviyo, make.batch(make.person(1)))
    assert twins.violations()[0]["kind"] == "unsubscribed"  # the double watches
    assert not [one for one in twins.requests if "subscription-bulk" in one["path"]]


def test_a_lost_ledger_can_be_read_back_page_by_page(klaviyo: Destination, make: Any) -> None:
    through(klaviyo, make.batch(*make.people(*range(120))))
    there = klaviyo.members(make.audience)
    assert there is not None
    assert len({contact.external_id for contact in there}) == 120


def test_erasure_asks_by_id_only(klaviyo: Destination, twins: Recorder, make: Any) -> None:
    through(klaviyo, make.batch(make.person(1)))
    twins.requests.clear()
    assert klaviyo.erase(make.person(1)) == "deletion asked for"
    assert klaviyo.erase(make.person(9)) == "not there"
    (asked,) = twins.writes
    profile = asked["body"]["data"]["attributes"]["profile"]["data"]
    assert profile == {"type": "profile", "id": listed_ids(1)[0], "attributes": {}}
    assert twins.shelf("klaviyo").count("profiles") == 0
