"""The graph of dbt's project, as its manifest describes it.

>>> sorted(node.name for node in Graph.read(manifest_path()).layer("marts").values())[0]
... # doctest: +SKIP
'data_oddities'
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from rapport.paths import var_dir


def manifest_path() -> Path:
    """The path of dbt's manifest, which describes the project."""
    return var_dir() / "dbt" / "target" / "manifest.json"


class _Depends(msgspec.Struct):
    nodes: list[str] = []


class _Config(msgspec.Struct):
    materialized: str = ""
    meta: dict[str, Any] = {}


class Node(msgspec.Struct):
    """A model, seed, source or test of dbt's manifest."""

    name: str
    resource_type: str
    schema: str
    alias: str | None = None
    identifier: str | None = None
    tags: list[str] = []
    depends_on: _Depends = msgspec.field(default_factory=_Depends)
    config: _Config = msgspec.field(default_factory=_Config)

    @property
    def relation(self) -> str:
        """Schema and name of the node's relation."""
        return f"{self.schema}.{self.identifier or self.alias or self.name}"


class _Manifest(msgspec.Struct):
    nodes: dict[str, Node]
    sources: dict[str, Node]


@dataclass(frozen=True, slots=True)
class Graph:
    """The models, seeds, sources and tests of the project."""

    nodes: dict[str, Node]

    @classmethod
    def read(cls, manifest: Path) -> Self:
        """The graph of a manifest that dbt wrote."""
        found = msgspec.json.decode(manifest.read_bytes(), type=_Manifest)
        return cls({**found.sources, **found.nodes})

    def layer(self, tag: str) -> dict[str, Node]:
        """The models and seeds of a layer that become a relation, by their id."""
        return {
            key: node
            for key, node in self.nodes.items()
            if node.resource_type in ("model", "seed")
            and tag in node.tags
            and node.config.materialized != "ephemeral"
        }

    def parents(self, key: str) -> set[str]:
        """The ids of the relations that a model reads, through ephemeral models."""
        parents = set()
        for parent in self.nodes[key].depends_on.nodes:
            node = self.nodes.get(parent)
            if node is not None and node.config.materialized == "ephemeral":
                parents |= self.parents(parent)
            elif node is not None:
                parents.add(parent)
        return parents

    def tests_of(self, models: Iterable[str], layer: str) -> list[str]:
        """The names of the tests that read one of the models, and none of a later layer.

        `models` are ids. dbt runs a test with the last layer that it reads.
        """
        chosen, here = set(models), self.layer(layer)
        later = self._built_after(here)
        return [
            node.name
            for node in self.nodes.values()
            if node.resource_type == "test"
            and chosen & set(node.depends_on.nodes)
            and not later & set(node.depends_on.nodes)
        ]

    def _built_after(self, here: dict[str, Node]) -> set[str]:
        """The models of other layers that read this one, directly or not."""
        children: dict[str, set[str]] = {}
        for key, node in self.nodes.items():
            for parent in node.depends_on.nodes:
                children.setdefault(parent, set()).add(key)
        found: set[str] = set()
        todo = list(here)
        while todo:
            for child in children.get(todo.pop(), ()):
                if child not in found:
                    found.add(child)
                    todo.append(child)
        return {key for key in found - set(here) if self.nodes[key].resource_type == "model"}
