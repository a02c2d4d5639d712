"""Tables of another database: cursors that tie, late commits, rows that go, kills, wrong words."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from rapport.connectors.postgres import source as postgres
from rapport.connectors.postgres.source import Postgres
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.landing import land
from rapport.vendors.connections import Connection
from rapport.warehouse import url

NIGHT = datetime(2026, 3, 31, 3, tzinfo=UTC)
TABLE = {"table": "shop.people", "key": ["id"], "cursor": "changed", "lag_minutes": 10}


class Killed(BaseException):
    """The process ends here."""


class Shop:
    """A table in the test's own database, and pulls of it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        connection.execute("create schema shop")
        connection.execute(
            "create table shop.people (id int primary key, changed timestamptz, name text)"
        )

    def write(self, *ids: int, changed: str = "2026-03-30T12:00:00Z", name: str = "x") -> None:
        for id in ids:
            self.connection.execute(
                "insert into shop.people values (%s, %s, %s) on conflict (id)"
                " do update set changed = excluded.changed, name = excluded.name",
                (id, changed, name),
            )

    def pull(self, kill_at: int | None = None, **table: Any) -> Any:
        source = Postgres({"tables": {"people": {**TABLE, **table}}})
        (stream,) = source.streams()
        with source.client(login()) as client:

            def pages(position: Any) -> Iterator[Any]:
                for number, page in enumerate(stream.pages(client, position, NIGHT)):
                    if number == kill_at:
                        raise Killed
                    yield page

            return land(
                self.connection,
                "postgres",
                stream,
                pages,
                run_id="r",
                as_of=NIGHT,
                live_keys=lambda: stream.live_keys(client),
            )

    def landed(self) -> list[str]:
        rows = self.connection.execute(
            "select record_key from raw.postgres__people where is_latest and not is_deleted"
            " order by record_key::int"
        )
        return [row[0] for row in rows]


def login(**changed: Any) -> Connection:
    parts = urlsplit(url())
    given = {
        "host": parts.hostname or "",
        "port": parts.port,
        "login": parts.username or "",
        "password": parts.password or "",
        "schema": parts.path[1:],
    }
    return Connection("postgres", **{**given, **changed})


@pytest.fixture
def shop(warehouse: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(postgres, "PAGE_ROWS", 3)
    return Shop(warehouse)


def test_a_table_lands_and_a_second_pull_changes_nothing(shop: Shop) -> None:
    shop.write(*range(10))
    assert shop.pull().landed == 10
    second = shop.pull()
    assert (second.landed, second.deleted) == (0, 0)


def test_rows_that_share_the_cursor_of_a_kill_all_come_in_the_end(shop: Shop) -> None:
    shop.write(*range(10))
    with pytest.raises(Killed):
        shop.pull(kill_at=2)
    shop.pull()
    assert shop.landed() == [str(i) for i in range(10)]


def test_a_row_that_was_committed_late_with_an_older_time_is_found(shop: Shop) -> None:
    shop.write(1, changed="2026-03-30T12:00:00Z")
    shop.pull()
    shop.write(2, changed="2026-03-30T11:55:00Z")
    shop.write(3, changed="2026-03-30T11:45:00Z")
    shop.pull()
    assert shop.landed() == ["1", "2"], "ten minutes back, and no further"


def test_a_row_that_is_gone_is_marked_as_deleted(shop: Shop) -> None:
    shop.write(*range(30))
    shop.pull()
    shop.connection.execute("delete from shop.people where id = 7")
    assert shop.pull().deleted == 1
    assert "7" not in shop.landed()


def test_a_number_may_be_the_cursor(shop: Shop) -> None:
    shop.write(1, 2, 3)
    shop.pull(cursor="id", cursor_type="number", sweep=False)
    shop.write(4)
    again = shop.pull(cursor="id", cursor_type="number", sweep=False)
    assert again.read == 2, "the highest once more, and the new one"


def test_a_query_and_several_keys_do_as_well(shop: Shop) -> None:
    shop.write(1, 2)
    query = "select id, 'a' as part, changed from shop.people where id > 1"
    assert shop.pull(table=None, query=query, key=["id", "part"]).landed == 1
    assert shop.pull(table=None, query=query, key=["id", "part"]).deleted == 0


def test_a_query_cannot_write(shop: Shop) -> None:
    shop.write(1)
    query = "with gone as (delete from shop.people returning *) select * from gone"
    with pytest.raises(GiveUp):
        shop.pull(table=None, query=query)
    assert shop.connection.execute("select count(*) from shop.people").fetchone() == (1,)


def test_the_name_of_a_table_is_a_name_and_never_a_statement(shop: Shop) -> None:
    shop.write(1)
    with pytest.raises(GiveUp):
        shop.pull(table="shop.people; drop table shop.people")
    with pytest.raises(GiveUp):
        shop.pull(table="shop.people as other natural join shop.people")
    assert shop.pull().landed == 1


def test_what_the_database_refuses_is_told_without_its_words(shop: Shop) -> None:
    shop.write(1, name="Secret Person")
    with pytest.raises(GiveUp, match="UndefinedTable"):
        shop.pull(table="shop.nobody")
    query = "select id, name::int, changed from shop.people"
    with pytest.raises(GiveUp) as refused:
        shop.pull(table=None, query=query)
    assert "Secret" not in str(refused.value)


def test_a_database_that_does_not_answer_is_asked_later() -> None:
    source = Postgres({"tables": {"people": TABLE}})
    (stream,) = source.streams()
    with source.client(login(host="127.0.0.1", port=1)) as client, pytest.raises(RetryLater):
        list(stream.pages(client, None, NIGHT))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"key": ["id"]}, "either a table or a query"),
        ({"table": "t", "key": []}, "key"),
        ({"table": "t", "key": ["id"], "entity": "people"}, "no entity people"),
        ({"table": "t", "key": ["id"], "entity": "orders", "columns": {"x": "y"}}, "have no x"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Postgres({"tables": {"people": wrong}})


def test_the_mapped_columns_say_whom_the_rows_name() -> None:
    mapped = {"customer_id": "buyer", "email": "mail", "order_id": "id", "user_id": {"value": "x"}}
    table = {"table": "t", "key": ["id"], "entity": "orders", "namespace": "shop"}
    source = Postgres({"tables": {"orders": table | {"columns": mapped}}})
    people = source.people()["orders"]
    assert (people["buyer"], people["mail"]) == ("files:shop", "email")
    assert (people["_read.profile"], people["_read.email"]) == ("files:shop", "email")


def test_a_row_without_a_cursor_comes_in_whenever_it_is_written(shop: Shop) -> None:
    shop.write(1)
    shop.pull()
    shop.connection.execute("insert into shop.people values (2, null, 'late')")
    shop.pull()
    assert shop.landed() == ["1", "2"]


def test_a_cursor_of_dates_brings_the_rows_of_a_day_whenever_they_are_written(shop: Shop) -> None:
    shop.connection.execute("alter table shop.people alter changed type date")
    shop.write(1, changed="2026-03-30")
    shop.pull()
    shop.write(2, changed="2026-03-30")
    shop.write(3, changed="2026-03-31")
    assert shop.pull().rejected == 0
    assert shop.landed() == ["1", "2", "3"]


def test_a_row_without_a_key_costs_no_other(shop: Shop) -> None:
    shop.write(1, 2)
    query = "select nullif(id, 2) as id, changed, name from shop.people"
    result = shop.pull(table=None, query=query)
    assert (result.landed, result.rejected) == (1, 1)
    assert shop.landed() == ["1"]


def test_a_number_with_places_may_be_the_key(shop: Shop) -> None:
    shop.write(1)
    shop.pull(table=None, query="select id::numeric(10, 2) as id, changed from shop.people")
    assert shop.landed() == ["1"]
