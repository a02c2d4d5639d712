"""The engine with each real destination and the tool's double: the wanted state, night by night."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from rapport.connectors import all_destinations
from rapport.connectors.intercom.destination import Intercom
from rapport.errors import RetryLater
from rapport.vendors.destination import Audience, Destination
from rapport_sandbox.recorder import OPTIONS, SEGMENTS, Recorder

pytestmark = pytest.mark.slow

TOOLS = sorted(name for name, kind in all_destinations().items() if kind.needs_connection)


@dataclass
class Clock:
    """Waiting moves the clock of the doubles' limits, and takes no time."""

    twins: Recorder

    def wait(self, seconds: float) -> None:
        self.twins.gate.limits.skipped += seconds


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest, twins: Recorder) -> Iterator[Destination]:
    kind = all_destinations()[request.param]
    made = kind(
        OPTIONS.get(request.param, {}), twins.connection(request.param), sleep=Clock(twins).wait
    )
    yield made
    made.close()


def night(world: Any) -> None:
    world.night_number += 1
    world.pull()
    world.plan()
    world.push()


def held(world: Any, tool: Destination) -> list[str]:
    """Who is on the list by the ledger, and by the tool where it can tell."""
    rows = world.connection.execute(
        "select customer_id from activation.ledger where state = 'sent' order by 1"
    )
    ours = [row[0] for row in rows]
    theirs = tool.members(Audience("readers", "People of readers", "email", "marketing"))
    if theirs is not None:
        assert sorted(str(contact.external_id) for contact in theirs) == ours
    return ours


def people(world: Any, tool: Destination, *ids: str) -> dict[str, Any]:
    """Customers with every address, in a segment that the tool can take; what it declares."""
    world.tool = tool
    declared = SEGMENTS.get(tool.name, {})
    world.channel = declared.get("channel", "email")
    world.customers(*ids)
    world.connection.execute(
        "update marts_pii.dim_customer_contacts set phone = '+49301000' || length(customer_id)"
        " || ascii(customer_id), user_id = 'u_' || customer_id"
    )
    return declared


def test_the_tool_holds_who_it_should_every_night(
    tool: Destination, twins: Recorder, world: Any
) -> None:
    declared = people(world, tool, "ann", "bob", "cid", "dan")
    is_list = "mode" not in declared
    world.consent("dan", False)
    world.consent("dan", False, purpose="service")
    world.segment("readers", ["ann", "bob", "cid", "dan"], **declared)
    night(world)
    assert held(world, tool) == ["ann", "bob", "cid"]
    twins.requests.clear()
    night(world)
    assert twins.writes == []
    world.consent("bob", False)
    world.consent("bob", False, purpose="service")
    world.members("readers", "ann", "bob", score=2)
    night(world)
    assert held(world, tool) == (["ann"] if is_list else ["ann", "cid"])
    assert twins.violations() == []
    assert "dan" not in "".join(asked["content"].decode() for asked in twins.requests)


def test_a_tool_that_becomes_slower_gets_everything_all_the_same(
    tool: Destination, twins: Recorder, world: Any
) -> None:
    declared = people(world, tool, "ann", "bob", "cid")
    world.segment("readers", ["ann"], **declared)
    night(world)
    world.members("readers", "ann", "bob", "cid")
    world.night_number += 1
    world.pull()
    world.plan()
    twins.gate.limits.enforce(tool.name, [("*", 2, 10.0)])
    for _ in range(10):
        with suppress(RetryLater):
            world.push()
            break
    twins.gate.limits.clear()
    assert held(world, tool) == ["ann", "bob", "cid"]


def test_an_attribute_that_intercom_lost_is_made_again(twins: Recorder, world: Any) -> None:
    tool = Intercom({}, twins.connection("intercom"), sleep=Clock(twins).wait)
    people(world, tool, "ann", "bob")
    world.segment("readers", ["ann"])
    night(world)
    lost = twins.gate.database.execute("delete from intercom_attributes where name = 'score'")
    assert lost.rowcount == 1
    world.members("readers", "ann", "bob", score=2)
    night(world)
    assert held(world, tool) == ["ann", "bob"]
    assert world.connection.execute("select count(*) from activation.rejected").fetchone() == (0,)
    tool.close()
