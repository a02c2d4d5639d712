"""Which models a run has to build: those whose code, day or inputs changed since their last build.

The state of a table is its identity and how many rows were ever written to it, which Postgres
counts. So a run in which nothing landed reads no table to know that there is nothing to build.

>>> plan = Plan.of(connection, graph, "marts", Basis(code, as_of, "UTC"))  # doctest: +SKIP
>>> plan.selection  # doctest: +SKIP
['--select', 'data_status', 'not_null_data_status_source', '--indirect-selection', 'empty']
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

import psycopg

from rapport.transform.graph import Graph

Warehouse = psycopg.Connection[Any]
MADE_ANEW = ("table", "seed", "view")
"""Materialisations whose content changes only when dbt makes the relation again."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What all models depend on: a hash of the project and its variables, and the local day."""

    code: str
    as_of: datetime
    timezone: str

    @property
    def day(self) -> str:
        """The company's day of the run."""
        return self.as_of.astimezone(ZoneInfo(self.timezone)).date().isoformat()


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be built of a layer: the models, by their ids, and the tests, by their names."""

    graph: Graph
    layer: str
    basis: Basis
    models: frozenset[str]
    states: "States"

    @classmethod
    def of(cls, connection: Warehouse, graph: Graph, layer: str, basis: Basis) -> Self:
        """Compare the layer with `ops.built_models`."""
        states = States.read(connection, graph)
        known = {
            model: (inputs, built)
            for model, inputs, built in connection.execute(
                "select model, inputs, built from ops.built_models where as_of <= %s",
                [basis.as_of],
            )
        }
        nodes = graph.layer(layer)
        changed = {
            key
            for key, node in nodes.items()
            if states.of(key) is None
            or known.get(node.name) != (_inputs(graph, key, states, basis), states.of(key))
        }
        if not _are_counted(connection):
            changed = set(nodes)
        while more := {key for key in nodes if key not in changed and graph.parents(key) & changed}:
            changed |= more
        return cls(graph, layer, basis, frozenset(changed), states)

    @property
    def is_whole(self) -> bool:
        """Whether all models of the layer have to be built."""
        return len(self.models) == len(self.graph.layer(self.layer))

    @property
    def selection(self) -> list[str]:
        """The arguments of `dbt build`."""
        if self.is_whole:
            return ["--select", f"tag:{self.layer}"]
        names = [self.graph.nodes[key].name for key in sorted(self.models)]
        tests = self.graph.tests_of(self.models, self.layer)
        return ["--select", *names, *tests, "--indirect-selection", "empty"]

    def note(self, connection: Warehouse) -> None:
        """Store that the models were built.

        What the models of other layers and the sources hold is noted as of before the build, so
        that whatever was written to them meanwhile is read by the next build.
        """
        here = self.graph.layer(self.layer)
        after = self.states.with_new(connection, set(here))
        for key in self.models:
            connection.execute(
                NOTE,
                (
                    self.graph.nodes[key].name,
                    _inputs(self.graph, key, after, self.basis),
                    after.of(key),
                    self.basis.as_of,
                ),
            )


def _inputs(graph: Graph, key: str, states: "States", basis: Basis) -> str:
    """A hash of everything that a model is built from."""
    parts = [basis.code, basis.day]
    parts += sorted(f"{parent} {states.of(parent)}" for parent in graph.parents(key))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _are_counted(connection: Warehouse) -> bool:
    row = connection.execute("select current_setting('track_counts')::boolean").fetchone()
    return bool(row and row[0])


@dataclass(slots=True)
class States:
    """The states of the relations of the graph.

    A source may have a query of its own in `meta: {state: ...}`, for example if it lists runs that
    changed nothing.
    """

    graph: Graph
    relations: dict[str, tuple[str, str]]
    own: dict[str, str]
    _known: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Warehouse, graph: Graph) -> Self:
        """The states of now."""
        names = sorted({node.relation for node in graph.nodes.values()})
        relations = {
            name: (identity, state) for name, identity, state in connection.execute(STATES, [names])
        }
        own = {
            key: str(connection.execute(node.config.meta["state"].encode()).fetchone())
            for key, node in graph.nodes.items()
            if "state" in node.config.meta and node.relation in relations
        }
        return cls(graph, relations, own)

    def with_new(self, connection: Warehouse, models: set[str]) -> "States":
        """The same states, but those of the models are of now."""
        now = States.read(connection, self.graph)
        fresh = {self.graph.nodes[key].relation for key in models}
        relations = {name: state for name, state in self.relations.items() if name not in fresh}
        relations |= {name: state for name, state in now.relations.items() if name in fresh}
        return States(self.graph, relations, self.own)

    def of(self, key: str) -> str | None:
        """The state of a relation; a view's is that of all that it reads. None if it is missing."""
        if key not in self._known:
            self._known[key] = self._of(key)
        return self._known[key]

    def _of(self, key: str) -> str | None:
        if key in self.own:
            return self.own[key]
        node = self.graph.nodes[key]
        if node.relation not in self.relations:
            return None
        identity, state = self.relations[node.relation]
        if node.config.materialized not in MADE_ANEW:
            return state
        if node.config.materialized != "view":
            return identity
        parts = [identity, *(f"{self.of(parent)}" for parent in sorted(self.graph.parents(key)))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


# A transaction's rows are counted when it ends. TRUNCATE gives a table a new file.
STATES = """
select
    asked.name,
    concat_ws(' ', classes.oid, classes.relfilenode),
    concat_ws(
        ' ', classes.oid, classes.relfilenode,
        counted.n_tup_ins, counted.n_tup_upd, counted.n_tup_del
    )
from unnest(%s::text[]) as asked (name)
inner join pg_class as classes on classes.oid = to_regclass(asked.name)
left join pg_stat_all_tables as counted on counted.relid = classes.oid
"""

NOTE = """
insert into ops.built_models (model, inputs, built, as_of) values (%s, %s, %s, %s)
on conflict (model) do update
set inputs = excluded.inputs, built = excluded.built, as_of = excluded.as_of
"""
