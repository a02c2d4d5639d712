"""A list made of a source that is stale stays as it was in its last good night."""

from datetime import timedelta
from typing import Any

import pytest

from rapport.activation import steps
from rapport.quality import freshness

SOURCES: dict[str, object] = {"crm": {}, "shop": {}}
HOURS = 36


def status(world: Any, source: str, *, is_stale: bool = False, hours_ago: int | None = 0) -> None:
    good = None if hours_ago is None else world.as_of - timedelta(hours=hours_ago)
    world.connection.execute(
        "insert into marts.data_status values (%s, %s, %s) on conflict (source) do update set"
        " is_stale = excluded.is_stale, last_good_as_of = excluded.last_good_as_of",
        (source, is_stale, good),
    )


def stale(world: Any) -> set[str]:
    return freshness.stale_sources(world.connection, SOURCES, world.as_of, HOURS)


def test_a_source_is_as_stale_as_its_status_says(world: Any) -> None:
    status(world, "crm")
    status(world, "shop", is_stale=True)
    assert stale(world) == {"shop"}


@pytest.mark.parametrize(("hours_ago", "is_stale"), [(36, False), (37, True), (None, True)])
def test_a_status_of_long_ago_is_stale(world: Any, hours_ago: int | None, is_stale: bool) -> None:
    status(world, "crm", hours_ago=hours_ago)
    status(world, "shop")
    assert ("crm" in stale(world)) is is_stale


def test_a_source_without_a_status_is_stale(world: Any) -> None:
    status(world, "crm")
    assert stale(world) == {"shop"}


def test_a_failed_arrival_freezes_only_the_lists_that_need_the_source(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.customers("ann", "bob")
    world.segment("buyers", ["ann"], needs=("orders",))
    world.segment("callers", ["ann"], needs=("conversations",))
    providers = {"orders": ["files"], "conversations": ["zendesk"]}
    monkeypatch.setattr(steps, "load", lambda: world.definitions)
    monkeypatch.setattr(steps, "Reader", lambda as_of: world.reader())
    monkeypatch.setattr(freshness, "sources_of_entities", lambda enabled: providers)

    def evaluated() -> dict[str, tuple[list[str], str | None]]:
        world.night_number += 1
        status(world, "zendesk")
        counts = steps.evaluate(world.run_id, world.as_of)
        return {
            key: (current(world, key), count["frozen_because"]) for key, count in counts.items()
        }

    world.night_number += 1
    status(world, "files")
    assert evaluated() == {"buyers": (["ann"], None), "callers": (["ann"], None)}

    world.members("buyers", "bob")
    world.members("callers", "bob")
    status(world, "files", is_stale=True)
    assert evaluated() == {
        "buyers": (["ann"], "orders of files are stale"),
        "callers": (["bob"], None),
    }

    status(world, "files")
    assert evaluated()["buyers"] == (["bob"], None)


def current(world: Any, segment: str) -> list[str]:
    rows = world.connection.execute(
        "select customer_id from segments.membership where segment = %s and left_at is null"
        " order by customer_id",
        (segment,),
    )
    return [row[0] for row in rows]
