"""A busy vendor holds every thread of its client; arrivals are read at the double."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from rapport.activation.sync.batches import Taken
from rapport.activation.sync.send import send_all
from rapport.connectors.customerio.destination import CustomerIo
from rapport.connectors.twilio.destination import Twilio
from rapport.errors import RetryLater
from rapport.vendors.destination import Audience, Batch, Person
from rapport.vendors.http import Client
from rapport.vendors.retry_after import Hold, StillBusy
from rapport_sandbox.recorder import Recorder

FASTER = 50
AUDIENCE = Audience("readers", "Readers", "email", "marketing", {})


def now() -> float:
    """A clock on which a wait of half a minute takes 0.6 s."""
    return time.monotonic() * FASTER


def sleep(seconds: float) -> None:
    time.sleep(seconds / FASTER)


@pytest.fixture
def tool(twins: Recorder) -> Iterator[CustomerIo]:
    """A destination with four batches under way at once, on the fast clock, as is its double."""
    connection = twins.connection("customerio")
    tool = CustomerIo({}, connection)
    tool._client = Client(
        connection.host,
        name="customerio",
        auth=(connection.login, connection.password),
        sleep=sleep,
        now=now,
    )
    twins.now = now
    yield tool
    twins.now = time.monotonic
    tool.close()


def batches(count: int) -> Iterator[Taken]:
    for number in range(count):
        one = Person(f"customer_{number}", email=f"p{number}@example.com")
        batch = Batch(f"b{number}", AUDIENCE, [one], "run", datetime(2026, 3, 31, tzinfo=UTC))
        yield Taken(batch, {one.customer_id: "add"}, 0, "")


@pytest.mark.parametrize("kind", ["429", "503"])
def test_a_retry_after_holds_the_tool_and_not_one_request(
    tool: CustomerIo, twins: Recorder, kind: str
) -> None:
    twins.fault("customerio", kind, retry_after=30)
    answers = list(send_all(tool, batches(24), leavers=False))
    assert sum(result.accepted for _, found in answers for result in found) == 24
    arrivals = [asked["at"] for asked in twins.requests]
    together = [at for at in arrivals if at < arrivals[0] + 30]
    assert len(together) <= tool.parallel, "only what was under way when the tool refused"
    assert len(arrivals) == 25


def test_a_tool_that_is_busy_without_end_is_left_after_a_few_calls(
    tool: CustomerIo, twins: Recorder
) -> None:
    twins.fault("customerio", "429", retry_after=1, times=1000)
    with pytest.raises(
        RetryLater, match="customerio: 429 on POST /api/v2/batch, 6 attempts"
    ) as caught:
        list(send_all(tool, batches(24), leavers=False))
    assert caught.value.retry_after == 1
    assert len(twins.requests) <= tool.parallel + 5, "one call a round, not one from each thread"
    twins.requests.clear()
    with pytest.raises(RetryLater, match="429"):
        list(send_all(tool, batches(1), leavers=True))
    assert len(twins.requests) == 1, "the next list asks once"


def test_a_wait_that_is_too_long_stops_every_thread_at_once(
    tool: CustomerIo, twins: Recorder
) -> None:
    twins.fault("customerio", "429", retry_after=3600, times=1000)
    with pytest.raises(RetryLater, match="asks to wait 3600 s"):
        list(send_all(tool, batches(24), leavers=False))
    with pytest.raises(RetryLater, match="asks to wait 3600 s"):
        list(send_all(tool, batches(1), leavers=False))
    assert len(twins.requests) <= tool.parallel


def test_a_tool_that_answers_again_is_asked_at_full_speed(
    tool: CustomerIo, twins: Recorder
) -> None:
    for _ in range(3):
        twins.fault("customerio", "429", retry_after=2, times=4)
        list(send_all(tool, batches(8), leavers=False))
    assert len(twins.writes) == 24 + 12


def test_a_destination_s_own_threads_stop_together_too(twins: Recorder) -> None:
    """Twilio takes one person a call, several calls at once."""
    connection = twins.connection("twilio")
    twilio = Twilio({"from": "+15005550006", "messages": {"*": "Hello"}}, connection)
    login = (connection.login, connection.password)
    twilio._client = Client(connection.host, name="twilio", auth=login, sleep=sleep, now=now)
    twins.fault("twilio", "429", retry_after=1, times=1000)
    people = [Person(f"c_{n}", phone=f"+4930{n:06}", full_name="Anna") for n in range(60)]
    batch = Batch("b", AUDIENCE, people, "run", datetime(2026, 3, 31, tzinfo=UTC))
    with pytest.raises(RetryLater, match="429"):
        twilio.upsert(batch)
    assert len(twins.writes) <= 3 * twilio.connections
    twilio.close()


def made(**options: float) -> tuple[Hold, list[float]]:
    slept: list[float] = []
    hold = Hold(rounds=3, longest=120.0, now=lambda: 0.0, sleep=slept.append, **options)
    return hold, slept


def test_calls_that_were_under_way_together_are_one_round() -> None:
    hold, _ = made()
    turns = [hold.enter() for _ in range(4)]
    for turn in turns:
        hold.refused(turn, 429, 10.0)
    hold.refused(hold.enter(), 429, 10.0)


def test_the_wait_is_the_longest_that_the_tool_named() -> None:
    hold, slept = made()
    first, second = hold.enter(), hold.enter()
    hold.refused(first, 429, 30.0)
    hold.refused(second, 429, 5.0)
    hold.enter()
    assert slept == [30.0]


def test_without_a_time_each_round_waits_longer() -> None:
    hold, slept = made()
    for _ in range(2):
        turn = hold.enter()
        hold.refused(turn, 429, None)
        hold.leave(turn)
    turn = hold.enter()
    with pytest.raises(StillBusy):
        hold.refused(turn, 429, None)
    assert slept == [1.0, 2.0]


def test_a_call_that_breaks_off_lets_the_next_one_go() -> None:
    hold, _ = made()
    hold.refused(hold.enter(), 429, 1.0)
    scout = hold.enter()
    gone: list[int] = []
    other = threading.Thread(target=lambda: gone.append(hold.enter()))
    other.start()
    other.join(0.05)
    assert gone == [], "one call goes out alone"
    hold.leave(scout)
    other.join(10)
    assert gone == [1]
