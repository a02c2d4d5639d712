"""Jobs, several batches at once, answers that never came, and what a list leaves behind."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from rapport.activation.sync import send
from rapport.errors import RetryLater
from rapport.vendors.destination import Batch, Contact, Job, Result


class Deferring:
    """Makes the tool of the small world promise first and answer later."""

    def __init__(self, world: Any, looks: int) -> None:
        self.tool, self.looks = world.tool, looks
        self.apply = self.tool.upsert
        self.waited: list[float] = []
        self.tool.upsert = lambda batch: Job(batch.id)
        self.tool.poll = self.poll
        self.tool.sleep = self.waited.append

    def poll(self, job: Job, batch: Batch) -> Sequence[Result] | None:
        assert job.id == batch.id
        self.looks -= 1
        return None if self.looks >= 0 else list(self.apply(batch))


def test_a_job_is_followed_to_its_end_before_a_row_counts_as_sent(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.tool.bad_rows = {"bob"}
    job = Deferring(world, looks=3)
    counts = world.night()["readers"]
    assert job.waited == [1.0, 2.0, 4.0]
    assert counts["sent"] == 1
    assert world.reasons("readers") == {"bob": "rejected"}


def test_a_refused_job_is_halved_like_a_refused_batch(world: Any) -> None:
    world.customers("ann", "bob", "cid")
    world.segment("readers", ["ann", "bob", "cid"])
    world.tool.sinks_batch = {"bob"}
    Deferring(world, looks=0)
    assert world.night()["readers"]["sent"] == 2


def test_a_job_that_never_ends_is_not_sent_and_tried_again(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "PATIENCE", 10.0)
    world.customers("ann")
    world.segment("readers", ["ann"])
    job = Deferring(world, looks=99)
    with pytest.raises(RetryLater, match="not done after"):
        world.night()
    assert world.connection.execute("select count(*) from activation.receipts").fetchone() == (0,)
    job.looks = 0
    assert world.night()["readers"]["sent"] == 1


def test_as_many_batches_are_under_way_as_the_tool_allows(world: Any) -> None:
    people = [f"p{number:02}" for number in range(24)]
    world.customers(*people)
    world.segment("readers", people)
    world.tool.parallel = 4
    together, lock = threading.Barrier(4, timeout=20), threading.Lock()
    apply = world.tool.upsert

    def upsert(batch: Batch) -> Any:
        together.wait()
        with lock:
            return apply(batch)

    world.tool.upsert = upsert
    counts = world.night()["readers"]
    assert (counts["sent"], len(world.tool.calls)) == (24, 8)


def test_what_others_were_answered_is_kept_when_a_batch_fails(world: Any) -> None:
    people = [f"p{number:02}" for number in range(24)]
    world.customers(*people)
    world.segment("readers", people)
    world.tool.parallel = 4
    lock = threading.Lock()
    apply = world.tool.upsert

    def upsert(batch: Batch) -> Any:
        with lock:
            if "p03" in {person.customer_id for person in batch.people}:
                raise RetryLater("tool: 503")
            return apply(batch)

    world.tool.upsert = upsert
    with pytest.raises(RetryLater):
        world.night()
    kept = world.connection.execute(
        "select count(*) from activation.ledger where state = 'sent'"
    ).fetchone()[0]
    assert kept == len(world.tool.on("readers")) >= 3
    world.tool.upsert = apply
    world.again()
    assert world.tool.on("readers") == people


def test_somebody_refused_after_an_answer_that_never_came_is_not_forgotten(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    apply = world.tool.upsert

    def applied_but_silent(batch: Batch) -> Any:
        apply(batch)
        raise RetryLater("tool: the answer was lost")

    world.tool.upsert = applied_but_silent
    with pytest.raises(RetryLater):
        world.night()
    world.tool.upsert = apply
    world.tool.bad_rows = {"ann"}
    counts = world.again()["readers"]
    assert counts["not_sent"] == {"rejected": 1}
    assert world.tool.on("readers") == ["ann"], "the tool holds her from the first call"
    world.members("readers")
    world.night()
    assert world.tool.on("readers") == [], "and lets her go when she leaves"


def test_a_leaver_s_traits_are_cleared_but_those_that_another_list_gives(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"], traits={"score": "reader_score"})
    world.segment("writers", ["ann"], traits={"score": "shared_score"}, purpose="service")
    world.segment("others", ["ann"], traits={"score": "shared_score"}, purpose="service")
    world.night()
    cleared: list[tuple[str, dict[str, Any]]] = []

    def remove(batch: Batch) -> Sequence[Result]:
        for person in batch.people:
            cleared.append((batch.audience.key, dict(person.traits)))
        return [Result(person.customer_id) for person in batch.people]

    world.tool.remove = remove
    world.members("readers")
    world.members("writers")
    world.night()
    assert cleared == [("readers", {"reader_score": None}), ("writers", {})]


def test_the_push_channel_gets_the_user_id_and_no_other_does(world: Any) -> None:
    world.customers("ann")
    world.connection.execute("update marts_pii.dim_customer_contacts set user_id = 'u_1'")
    world.connection.execute(
        "insert into marts.dim_consents values"
        " ('ann', 'push', 'marketing', true, now(), 'files', '2026-01', 'e')"
    )
    world.segment("by_push", ["ann"], channel="push")
    world.segment("by_email", ["ann"])
    given: dict[str, str | None] = {}
    apply = world.tool.upsert

    def upsert(batch: Batch) -> Any:
        given[batch.audience.key] = batch.people[0].user_id
        return apply(batch)

    world.tool.upsert = upsert
    world.night()
    assert given == {"by_push": "u_1", "by_email": None}


def test_listing_holds_no_transaction_open_and_a_nul_harms_nobody(world: Any) -> None:
    world.customers("ann")

    def contacts() -> Iterator[Contact]:
        for number in range(2):
            assert world.connection.info.transaction_status.name == "IDLE"
            yield Contact(f"r{number}", "a\x00nn", "ann\x00@example.com", ("unsubscribed",))

    world.tool.contacts = contacts
    assert world.pull() == {"unsubscribed": 1}
