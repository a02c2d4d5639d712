"""A night of identity without dbt's start-up: the real models, rendered by a small stand-in."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import psycopg
import pytest

from rapport.identity import normalise, resolve

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
MODELS = PROJECT / "models" / "intermediate" / "identity"
ORDER = (
    "int_identifiers_changed",
    "int_identifiers_normalised",
    "int_identifiers_guarded",
    "int_identity_edges",
    "excluded_edges",
)
OFFERED = "intermediate.int_identifiers_unioned"
FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)

Record = tuple[str, str, str, str | None, bool, datetime]


class Relation:
    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


class Models:
    """Renders and runs the identity models as dbt would, with delete+insert."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.macros = (PROJECT / "macros" / "identity.sql").read_text("utf-8")

    def exists(self, name: str) -> bool:
        return bool(self.one("select to_regclass(%s) is not null", [name]))

    def one(self, query: str, params: Any = None) -> Any:
        row = self.connection.execute(query, params).fetchone()
        return row[0] if row else None

    def ref(self, name: str) -> Relation:
        if name == "int_identifiers_unioned":
            return Relation(OFFERED)
        schema = "identity" if name == "excluded_edges" else "identity_build"
        return Relation(f"{schema}.{name}")

    def run(self, name: str) -> None:
        options: dict[str, Any] = {}
        this = self.ref(name)
        known = self.exists(str(this))

        def config(**kwargs: Any) -> str:
            options.update(kwargs)
            return ""

        class Adapter:
            @staticmethod
            def get_relation(database: str, schema: str, identifier: str) -> Relation | None:
                relation = f"{schema}.{identifier}"
                return Relation(relation) if self.exists(relation) else None

        context = {
            "config": config,
            "ref": self.ref,
            "source": lambda _, table: Relation(f"identity.{table}"),
            "this": this,
            "is_incremental": lambda: known and options.get("materialized") == "incremental",
            "execute": True,
            "flags": {"FULL_REFRESH": False},
            "target": {"database": "x"},
            "adapter": Adapter,
        }
        environment = jinja2.Environment(autoescape=False)

        def render(text: str) -> str:
            return environment.from_string(self.macros + text).render(context)

        text = render((MODELS / f"{name}.sql").read_text("utf-8"))
        with self.connection.transaction():
            self.hook(render(options.get("pre_hook", "")))
            if options.get("materialized") == "view":
                self.connection.execute(f"create or replace view {this} as {text}")
            elif context["is_incremental"]():  # type: ignore[operator]
                key = options["unique_key"]
                self.connection.execute(f"create temporary table delta on commit drop as {text}")
                self.connection.execute(
                    f"delete from {this} where {key} in (select distinct {key} from delta)"
                )
                self.connection.execute(f"insert into {this} select * from delta")
            else:
                self.connection.execute(f"drop table if exists {this} cascade")
                self.connection.execute(f"create table {this} as {text}")
                for index in options.get("indexes", []):
                    self.connection.execute(
                        f"create index on {this} ({', '.join(index['columns'])})"
                    )
            hooks = options.get("post_hook", "")
            for hook in [hooks] if isinstance(hooks, str) else hooks:
                self.hook(render(hook))

    def hook(self, text: str) -> None:
        text = re.sub(r"\{#.*?#\}", "", text, flags=re.S)
        if text.strip():
            self.connection.execute(text)


class Identity:
    """What a test says to identity: records offered tonight, then `night()`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.models = Models(connection)
        self.nights = 0
        connection.execute("create schema if not exists intermediate")
        connection.execute("create schema if not exists identity_build")
        connection.execute(
            f"create table {OFFERED} (source text, profile_id text, identifier_type text,"
            " identifier_value text, is_confirmed boolean, first_as_of timestamptz)"
        )
        for kind in ("must_link", "cannot_link"):
            connection.execute(
                f"create table identity_build.identity_{kind}"
                " (profile_a text, profile_b text, reason text)"
            )

    @property
    def as_of(self) -> datetime:
        return FIRST + timedelta(days=self.nights)

    def offer(self, profile_id: str, *identifiers: tuple[Any, ...], night: int = 0) -> None:
        """Identifiers are (type, value) or (type, value, True) where confirmed."""
        self.offer_all(
            (profile_id, kind, value, bool(confirmed), night)
            for kind, value, *confirmed in (identifiers or (("vendor_id", profile_id),))
        )

    def offer_all(self, records: Iterable[tuple[str, str, str | None, bool, int]]) -> None:
        with self.connection.cursor().copy(f"copy {OFFERED} from stdin") as copy:
            for profile_id, kind, value, confirmed, night in records:
                source = profile_id.split(":", 1)[0]
                first = FIRST + timedelta(days=night)
                copy.write_row((source, profile_id, kind, value, confirmed, first))

    def withdraw(self, profile_id: str, kind: str | None = None) -> None:
        self.connection.execute(
            f"delete from {OFFERED} where profile_id = %s and coalesce(identifier_type = %s, true)",
            [profile_id, kind],
        )

    def override(self, kind: str, a: str, b: str) -> None:
        self.connection.execute(
            f"insert into identity_build.identity_{kind} values (%s, %s, 'test')", [a, b]
        )

    def take_back(self, kind: str) -> None:
        self.connection.execute(f"delete from identity_build.identity_{kind}")

    def build(self) -> dict[str, Any]:
        """What comes before the resolver."""
        names = {"run_id": f"night-{self.nights}", "as_of": self.as_of}
        normalise(**names, connection=self.connection)
        for model in ORDER:
            self.models.run(model)
        return names

    def night(self, full: bool = False) -> dict[str, int]:
        self.nights += 1
        return resolve(**self.build(), full=full, connection=self.connection)

    def members(self) -> dict[str, str]:
        rows = self.connection.execute("select profile_id, customer_id from identity.members")
        return dict(rows.fetchall())

    def groups(self) -> set[frozenset[str]]:
        grouped: dict[str, set[str]] = {}
        for profile_id, customer_id in self.members().items():
            grouped.setdefault(customer_id, set()).add(profile_id)
        return {frozenset(group) for group in grouped.values()}

    def aliases(self) -> dict[str, str]:
        rows = self.connection.execute("select alias_id, customer_id from identity.aliases")
        return dict(rows.fetchall())

    def log(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        return self.connection.execute(
            "select kind, from_customer_id, to_customer_id, cause from identity.merge_log"
            " order by merge_id"
        ).fetchall()

    def excluded(self) -> dict[tuple[str, str], str]:
        rows = self.connection.execute(
            "select profile_id, identifier_type, reason from identity.excluded_edges"
        )
        return {(profile_id, kind): reason for profile_id, kind, reason in rows.fetchall()}


@pytest.fixture
def identity(warehouse: psycopg.Connection[Any]) -> Identity:
    return Identity(warehouse)


@pytest.fixture
def another(identity: Identity) -> Callable[[], Identity]:
    """Forget everything and begin again in the same database."""

    def begin() -> Identity:
        connection = identity.connection
        connection.execute(f"drop schema identity_build cascade; drop table {OFFERED}")
        connection.execute(
            "truncate identity.profiles, identity.identifiers, identity.normal_forms,"
            " identity.members, identity.aliases, identity.merge_log, identity.cut_edges,"
            " identity.capped, identity.overrides, identity.changed_profiles,"
            " identity.former_identifiers restart identity"
        )
        connection.execute("update identity.state set must_rebuild = true, forms_hash = null")
        return Identity(connection)

    return begin
