"""Slack's own traps; the rest is in tests/contracts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rapport.errors import ConfigError, GiveUp
from rapport.vendors.destination import Audience, Destination, RunContext
from rapport_sandbox.recorder import Recorder


@pytest.fixture
def slack(tool: Callable[..., Destination]) -> Destination:
    return tool("slack", channel="#marketing")


def finish(slack: Destination, make: Any, people: int, audience: Audience | None = None) -> None:
    everybody = [make.person(number) for number in range(people)]
    run = RunContext("run", make.batch().as_of, "abc", lambda: iter(everybody))
    slack.finish(audience or make.audience, run)


def posted(twins: Recorder) -> list[str]:
    return [body["text"] for _, body in twins.shelf("slack").list("messages")]


def test_a_channel_gets_numbers_and_nobody_s_name(
    slack: Destination, twins: Recorder, make: Any
) -> None:
    slack.remove(make.batch(make.person(9)))
    slack.upsert(make.batch(*make.people(1, 2), make.person(3, is_listed=True)))
    finish(slack, make, 3)
    assert posted(twins) == ["*Readers* (readers) on 2026-03-31: 3 on the list, 2 came, 1 went."]
    assert len(twins.requests) == 1
    content = twins.requests[0]["content"].decode()
    assert not [word for word in ("customer_", "example.com", "Person") if word in content]


def test_a_night_without_change_is_silent(slack: Destination, twins: Recorder, make: Any) -> None:
    slack.upsert(make.batch(make.person(1, is_listed=True)))
    finish(slack, make, 1)
    slack.upsert(make.batch(make.person(2)))
    finish(slack, make, 2)
    finish(slack, make, 2)
    assert len(posted(twins)) == 1


def test_a_name_mentions_nobody(slack: Destination, twins: Recorder, make: Any) -> None:
    loud = replace(make.audience, name="<!channel> readers")
    slack.upsert(make.batch(make.person(1)))
    finish(slack, make, 1, loud)
    assert "<!channel>" not in posted(twins)[0]


@pytest.mark.parametrize(
    ("channel", "fault", "error", "said"),
    [
        ("#elsewhere", None, ConfigError, "channel_not_found"),
        ("#marketing", "expired_token", GiveUp, "expired"),
        ("#marketing", "403", GiveUp, "missing_scope"),
    ],
)
def test_a_200_that_says_no_is_a_failure(
    channel: str,
    fault: str | None,
    error: type[Exception],
    said: str,
    tool: Callable[..., Destination],
    twins: Recorder,
    make: Any,
) -> None:
    opened = tool("slack", channel=channel)
    if fault:
        twins.fault("slack", fault)
    opened.upsert(make.batch(make.person(1)))
    with pytest.raises(error, match=said):
        finish(opened, make, 1)


def test_a_limit_is_waited_out(slack: Destination, twins: Recorder, make: Any) -> None:
    twins.fault("slack", "429", retry_after=3)
    slack.upsert(make.batch(make.person(1)))
    finish(slack, make, 1)
    assert len(posted(twins)) == 1


def test_a_channel_must_be_named(tool: Callable[..., Destination]) -> None:
    with pytest.raises(ConfigError, match="#marketing"):
        tool("slack")
