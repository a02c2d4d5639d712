"""Customer.io's own traps; the rest is in tests/contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from rapport.connectors.customerio.destination import CustomerIo
from rapport.errors import ConfigError
from rapport.vendors.connections import Connection
from rapport.vendors.destination import BatchRefused, Destination
from rapport_sandbox.recorder import Recorder


@pytest.fixture
def customerio(tool: Callable[..., Destination]) -> Destination:
    return tool("customerio")


def test_the_rows_that_a_207_names_were_not_taken(
    customerio: Destination, twins: Recorder, make: Any
) -> None:
    bad = make.person(2, email="nobody")
    results = customerio.upsert(make.batch(make.person(1), bad, make.person(3)))
    assert [result.error for result in results] == [None, "invalid", None]
    assert [id for id, _ in twins.shelf("customerio").list("people")] == [
        "customer_1",
        "customer_3",
    ]


def test_a_207_that_names_nobody_is_no_success(
    customerio: Destination, twins: Recorder, make: Any
) -> None:
    twins.gate.limits.options["customerio"] = {"silent": 1}
    with pytest.raises(BatchRefused, match="names no row"):
        customerio.upsert(make.batch(make.person(1)))


def test_who_leaves_loses_the_attribute_and_a_stranger_is_not_made(
    customerio: Destination, twins: Recorder, make: Any
) -> None:
    customerio.upsert(make.batch(make.person(1)))
    leaving = (make.person(1, traits={"score": None}), make.person(2, traits={}))
    assert all(result.accepted for result in customerio.remove(make.batch(*leaving)))
    ((id, held),) = twins.shelf("customerio").list("people")
    assert id == "customer_1"
    assert not [name for name in held if name.startswith("rapport_")]


def test_who_is_out_is_pulled_from_the_other_interface(
    customerio: Destination, twins: Recorder, make: Any
) -> None:
    customerio.upsert(make.batch(*make.people(*range(5))))
    shelf = twins.shelf("customerio")
    for number in range(3):
        held = shelf.get("people", f"customer_{number}")
        shelf.put("people", f"customer_{number}", {**held, "unsubscribed": True})
    shelf.put("bounces", "1", {"email": "p3@example.com"})
    shelf.put("spam_reports", "1", {"email": "p4@example.com"})
    assert {contact.email: contact.says for contact in customerio.contacts()} == {
        "p0@example.com": ("unsubscribed",),
        "p1@example.com": ("unsubscribed",),
        "p2@example.com": ("unsubscribed",),
        "p3@example.com": ("bounced",),
        "p4@example.com": ("complained",),
    }


def test_who_is_erased_does_not_come_back_with_the_next_call(
    customerio: Destination, twins: Recorder, make: Any
) -> None:
    customerio.upsert(make.batch(make.person(1)))
    assert customerio.erase(make.person(1)) == "deletion asked for"
    customerio.upsert(make.batch(make.person(1)))
    assert twins.shelf("customerio").count("people") == 0


def test_without_the_key_that_tells_who_said_no_nothing_is_sent() -> None:
    with pytest.raises(ConfigError, match="app_key"):
        CustomerIo(None, Connection("customerio", login="site", password="key"))


def test_each_interface_has_its_host() -> None:
    login = Connection("customerio", "track-eu.customer.io", "a", "b", {"app_key": "c"})
    tool = CustomerIo(None, login)
    assert str(tool._client._http.base_url) == "https://track-eu.customer.io"
    assert str(tool._app._http.base_url) == "https://api-eu.customer.io"
    tool.close()
