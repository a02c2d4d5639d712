"""Locks of the service: its sessions' alone, free as soon as the session is gone."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rapport.warehouse import connect, locks

Warehouse = psycopg.Connection[Any]


@pytest.fixture
def other(warehouse: Warehouse) -> Iterator[Warehouse]:
    with connect(autocommit=True) as connection:
        yield connection


def test_one_session_holds_a_lock_at_a_time(warehouse: Warehouse, other: Warehouse) -> None:
    with locks.only_one(warehouse, "run") as ours:
        assert ours
        with locks.only_one(other, "run") as theirs:
            assert not theirs
        assert not locks.try_to_hold(other, "run"), "who did not get it must not let it go"
        assert locks.try_to_hold(other, "another")
    assert locks.try_to_hold(other, "run")


def test_a_session_that_ends_however_it_ends_holds_nothing(
    warehouse: Warehouse, other: Warehouse
) -> None:
    assert locks.try_to_hold(other, "run")
    assert locks.holders(warehouse, "run") == [other.info.backend_pid]
    warehouse.execute("select pg_terminate_backend(%s, 5000)", [other.info.backend_pid])
    assert locks.holders(warehouse, "run") == []
    assert locks.try_to_hold(warehouse, "run")


def test_a_process_with_the_number_of_one_that_is_gone_holds_nothing(
    warehouse: Warehouse, other: Warehouse
) -> None:
    assert locks.try_to_hold(other, "run")
    warehouse.execute("update ops.locks set session_start = session_start - interval '1 second'")
    assert locks.try_to_hold(warehouse, "run")


def test_a_turn_waits_for_those_who_share_the_lock(warehouse: Warehouse, other: Warehouse) -> None:
    with locks.shared(other, "build"):
        pass
    with locks.shared(other, "build"), warehouse.transaction():
        locks.take_turn(warehouse, "build")
        assert not locks.wait_for_holders(warehouse, "build", 0.01)
    with warehouse.transaction():
        locks.take_turn(warehouse, "build")
        assert locks.wait_for_holders(warehouse, "build", 0.01)
        assert not locks.try_turn(other, "build")
        other.execute("set lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable), locks.shared(other, "build"):
            pytest.fail("a turn is a turn")


def test_somebody_who_is_stuck_in_their_turn_keeps_nobody_waiting(
    warehouse: Warehouse, other: Warehouse
) -> None:
    with locks.only_one(other, "run"):
        pass
    began = time.monotonic()
    with warehouse.transaction():
        locks.take_turn(warehouse, "run")
        assert not locks.try_to_hold(other, "run")
    assert time.monotonic() - began < 5
