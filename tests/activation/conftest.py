"""A small world: customers with consent, segments, one tool that remembers, and nights."""

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvicorn

from rapport.activation.planning.list_plan import ListPlan
from rapport.activation.planning.plan import plan_lists
from rapport.activation.segments.declarations import Definitions, Segment
from rapport.activation.segments.evaluation import Evaluation, evaluate_segment
from rapport.activation.segments.reading import Reader
from rapport.activation.sync.pull import pull_destination
from rapport.activation.sync.push import push_destination
from rapport.activation_options import ActivationOptions
from rapport.vendors.destination import Audience, Batch, BatchRefused, Contact, Destination, Result

MARTS = """
create schema if not exists marts;
create schema if not exists marts_pii;
create table marts.dim_customers (customer_id text collate "C" primary key);
create table marts_pii.dim_customer_contacts
    (customer_id text collate "C" primary key, email text, phone text, full_name text,
    user_id text);
create table marts.dim_consents (customer_id text collate "C", channel text, purpose text,
    is_granted boolean, changed_at timestamptz, source text, policy_version text, event_id text,
    primary key (customer_id, channel, purpose));
create table marts.data_status
    (source text primary key, is_stale boolean, last_good_as_of timestamptz);
"""


class Tool(Destination):
    """A tool that remembers its lists and counts its calls."""

    name = "tool"
    documentation = "https://example.com"
    needs_connection = False
    batch_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[str, dict[str, dict[str, Any]]] = {}
        self.calls: list[tuple[str, str, list[str]]] = []
        self.bad_rows: set[str] = set()
        self.sinks_batch: set[str] = set()
        self.told: list[Contact] = []
        self.can_list = True
        self.before_call: Any = None

    def upsert(self, batch: Batch) -> Sequence[Result]:
        self._called("upsert", batch)
        if self.sinks_batch & {person.customer_id for person in batch.people}:
            raise BatchRefused("400 bad batch")
        results = []
        for person in batch.people:
            if person.customer_id in self.bad_rows:
                results.append(Result(person.customer_id, error="422 bad row"))
                continue
            for alias in person.aliases:
                self._list(batch).pop(alias, None)
            self._list(batch)[person.customer_id] = {
                "email": person.email,
                **person.traits,
            }
            results.append(Result(person.customer_id, f"remote_{person.email}"))
        return results

    def remove(self, batch: Batch) -> Sequence[Result]:
        self._called("remove", batch)
        for person in batch.people:
            for name in (person.customer_id, *person.aliases):
                self._list(batch).pop(name, None)
        return [Result(person.customer_id) for person in batch.people]

    def contacts(self) -> Iterator[Contact]:
        return iter(self.told)

    def members(self, audience: Audience) -> Iterator[Contact] | None:
        if not self.can_list:
            return None
        people = self.lists.get(audience.key, {})
        return iter([Contact(f"remote_{row['email']}", key) for key, row in people.items()])

    def on(self, segment: str) -> list[str]:
        return sorted(self.lists.get(segment, {}))

    def _list(self, batch: Batch) -> dict[str, dict[str, Any]]:
        return self.lists.setdefault(batch.audience.key, {})

    def _called(self, op: str, batch: Batch) -> None:
        if self.before_call is not None:
            self.before_call(op, batch)
        self.calls.append((op, batch.id, [person.customer_id for person in batch.people]))


class World:
    """Customers, segments and nights over a real warehouse."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.tool: Any = Tool()
        self.options = ActivationOptions(change_floor=1000)
        self.segments: dict[str, Segment] = {}
        self.problems: dict[str, str] = {}
        self.doubtful: frozenset[str] = frozenset()
        self.night_number = 0
        self.channel = "email"
        self.frozen: dict[str, str] = {}

    @property
    def as_of(self) -> datetime:
        return datetime(2026, 3, 1, 3, tzinfo=UTC) + timedelta(days=self.night_number)

    @property
    def run_id(self) -> str:
        return f"{self.as_of:%Y%m%dT%H%M%SZ}-01"

    def customers(self, *ids: str, consent: bool = True) -> None:
        for customer in ids:
            self.connection.execute(
                "insert into marts.dim_customers values (%s) on conflict do nothing", (customer,)
            )
            self.connection.execute(
                "insert into marts_pii.dim_customer_contacts values (%s, %s, null, %s)"
                " on conflict do nothing",
                (customer, f"{customer}@example.com", customer.title()),
            )
            if consent:
                self.consent(customer, True)

    def consent(self, customer: str, is_granted: bool, purpose: str = "marketing") -> None:
        self.connection.execute(
            """
            insert into marts.dim_consents values (%s, %s, %s, %s, %s, 'files', '2026-01', %s)
            on conflict (customer_id, channel, purpose) do update set
                is_granted = excluded.is_granted, event_id = excluded.event_id
            """,
            (
                customer,
                self.channel,
                purpose,
                is_granted,
                self.as_of,
                f"consent of {customer} {is_granted}",
            ),
        )

    def known_to_identity(self) -> None:
        """Give identity a profile for each customer, with the e-mail and phone of the contact."""
        self.connection.execute(
            """
            create schema if not exists identity_build;
            create table if not exists identity_build.int_identifiers_normalised
                (profile_key bigint, identifier_key bigint, excluded_key bigint);
            insert into identity.rules (identifier_type, weight, cap, is_weak, is_marker)
                values ('email', 1, 9, false, 'never'), ('phone', 1, 9, true, 'never')
                on conflict do nothing;
            insert into identity.profiles (profile_id)
                select 'test:' || customer_id from marts.dim_customers on conflict do nothing;
            insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)
                select profile_id, substr(profile_id, 6), now(), profile_key, profile_key
                from identity.profiles on conflict do nothing;
            insert into identity.identifiers (identifier_type, normal_form)
                select kind, value from marts_pii.dim_customer_contacts
                cross join lateral (values ('email', email), ('phone', phone)) as own (kind, value)
                where value is not null on conflict do nothing;
            truncate identity_build.int_identifiers_normalised;
            insert into identity_build.int_identifiers_normalised
                select profile_key, identifier_key, null from identity.profiles
                inner join marts_pii.dim_customer_contacts as contact
                    on contact.customer_id = substr(profile_id, 6)
                inner join identity.identifiers on normal_form in (contact.email, contact.phone);
            """
        )

    def merge(self, old: str, new: str) -> None:
        """All ids that ever were `old` resolve to `new` at once, as identity writes them."""
        self.connection.execute(
            "update identity.aliases set customer_id = %s where customer_id = %s", (new, old)
        )
        self.connection.execute(
            "insert into identity.aliases (alias_id, customer_id, since, anchor_profile_id)"
            " values (%s, %s, %s, %s)",
            (old, new, self.as_of, f"hubspot:contacts:{old}"),
        )

    def segment(self, key: str, members: Sequence[str], **declared: Any) -> Segment:
        fields: dict[str, Any] = {
            "key": key, "name": f"People of {key}", "owner": "tests", "purpose": "marketing",
            "channel": "email", "destinations": (), "traits": {"score": "score"},
            "description": "People that a test put into this segment.", "size_band": (0, 100_000),
            "change_budget": 1.0, "expires": date(2030, 1, 1), "needs": ("orders",),
        }  # fmt: skip
        segment = Segment.model_validate({**fields, **declared})
        self.segments[key] = segment.model_copy(update={"destinations": (self.tool.name,)})
        self.members(key, *members)
        return self.segments[key]

    def members(self, key: str, *ids: str, score: int = 1) -> None:
        table = f"marts.people_of_{key}"
        self.connection.execute(f"drop table if exists {table}")
        self.connection.execute(f"create table {table} (customer_id text, score integer)")
        for customer in ids:
            self.connection.execute(f"insert into {table} values (%s, %s)", (customer, score))

    @property
    def definitions(self) -> Definitions:
        ordered = sorted(self.segments.values(), key=lambda s: (s.priority, s.key))
        sound = {segment.key: segment for segment in ordered}
        return Definitions(sound, self.problems, self.doubtful)

    def reconnect(self) -> None:
        """What a killed process leaves: its connection is gone, and all that was not committed."""
        from rapport.warehouse import connect

        self.connection.close()
        self.connection = connect(autocommit=True)

    def pull(self) -> dict[str, int]:
        return pull_destination(self.connection, self.definitions, self.tool, self.as_of)

    def reader(self) -> Reader:
        """Reads what `members` wrote, by the login that reads segments."""
        return Reader(self.as_of, lambda one: f"table marts.people_of_{one.key}")

    def evaluate(self, segment: Segment) -> Evaluation:
        frozen = self.frozen.get(segment.key)
        with self.reader() as reader:
            return evaluate_segment(
                self.connection, segment, self.options, self.run_id, self.as_of, reader, frozen
            )

    def plan(self, evaluate: bool = True) -> dict[str, ListPlan]:
        if evaluate:
            for segment in self.segments.values():
                self.evaluate(segment)
        return {plan.segment: plan for plan in self.plan_of([self.tool.name])}

    def plan_of(self, destinations: Sequence[str]) -> list[ListPlan]:
        """The plan alone, of what was evaluated for the night."""
        return plan_lists(
            self.connection,
            self.definitions,
            destinations,
            self.options,
            self.run_id,
            self.as_of,
        )

    def push(self) -> dict[str, dict[str, Any]]:
        return push_destination(
            self.connection, self.definitions, self.tool, self.options, self.run_id, self.as_of
        )

    def night(self) -> dict[str, dict[str, Any]]:
        """The whole of the next night: pull, evaluate, plan, push."""
        self.night_number += 1
        return self.again()

    def again(self) -> dict[str, dict[str, Any]]:
        """The same night once more."""
        self.tool.calls.clear()
        self.pull()
        self.plan()
        return self.push()

    def reasons(self, segment: str) -> dict[str, str]:
        rows = self.connection.execute(
            "select customer_id, reason from activation.not_sent where segment = %s", (segment,)
        )
        return dict(rows.fetchall())


@pytest.fixture
def world(warehouse: psycopg.Connection[Any]) -> Iterator[World]:
    warehouse.execute(MARTS)
    made = World(warehouse)
    yield made
    made.connection.close()


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    """The address of the sandbox's doubles, in a thread of this process."""
    from rapport_sandbox.app import create_app
    from rapport_sandbox.company import Company

    Company.generate(tmp_path / "company", 5, seed=3, start=date(2026, 3, 31))
    app = create_app(tmp_path / "company")
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a project of its own, with doubles for tools."""
    from rapport import faults

    from .lifecycle.nights import Nights, doubles

    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    monkeypatch.setattr(faults, "point", lambda name: Nights.current.point(name))
    with doubles(monkeypatch):
        yield tmp_path / "home"


@pytest.fixture
def life(world: World, home: Path) -> Any:
    """A company with lists, before its first night."""
    from .lifecycle.life import Life

    return Life(world, home)
