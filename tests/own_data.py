"""A company of a test's own data: files or tables, landed, resolved and built as in a run.

>>> shop = OwnData(tmp_path, monkeypatch, warehouse)  # doctest: +SKIP
>>> shop.run({"orders": {"path": shop.put("o.csv", b"..."), ...}})  # doctest: +SKIP
>>> shop.read("select * from build.fct_orders")  # doctest: +SKIP
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from rapport import identity
from rapport.connectors import open_source
from rapport.errors import RapportError
from rapport.landing.ingest import ensure_tables, pull
from rapport.settings import Settings, load_settings
from rapport.tasks.verbs import reread
from rapport.transform import dbt

AS_OF = datetime(2026, 3, 1, 3, tzinfo=UTC)
WITHOUT_TESTS = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
LAYERS = ("staging", "identity", "marts")
Rows = list[tuple[Any, ...]]


class OwnData:
    """Writes rapport.yml and files, and walks the path of a run in this process."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, connection: psycopg.Connection[Any]
    ) -> None:
        self.folder, self.connection = folder, connection
        self.errors: list[str] = []
        self.first_errors: list[str] = []
        patch.setenv("RAPPORT_CONFIG", str(folder / "rapport.yml"))

    def put(self, name: str, content: bytes | str) -> str:
        """Write a file; returns its path."""
        path = self.folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def declare(self, sources: Mapping[str, Any], **more: Any) -> Settings:
        """Write rapport.yml and make the tables."""
        given = {"company": {"timezone": "Europe/Berlin", "currency": "EUR"}, **more}
        text = yaml.safe_dump({**given, "sources": dict(sources)}, sort_keys=False)
        (self.folder / "rapport.yml").write_text(text)
        settings = load_settings()
        ensure_tables(self.connection, settings)
        return settings

    def land(self, sources: Mapping[str, Any], as_of: datetime = AS_OF, **more: Any) -> None:
        """Load every source; what cannot be read is in `errors`."""
        settings = self.declare(sources, **more)
        self.errors = []
        for name in sources:
            try:
                pull(open_source(name, settings), self.connection, run_id="own", as_of=as_of)
            except RapportError as error:
                self.errors.append(str(error))
        reread()

    def build(
        self, layers: Sequence[str] = ("staging", "identity", "marts"), as_of: datetime = AS_OF
    ) -> None:
        """Build the layers, with the real identity between them."""
        for layer in layers:
            asked = ["build", "--select", f"tag:{layer}", *WITHOUT_TESTS]
            outcome = dbt.invoke(asked, load_settings(), as_of)
            results = getattr(outcome.result, "results", None) or []
            wrong = [f"{one.node.name}: {one.message}" for one in results if one.status == "error"]
            assert outcome.success, "\n".join(wrong) or outcome.exception
            if layer == "staging":
                identity.normalise(run_id="own", as_of=as_of)
            if layer == "identity":
                identity.resolve(run_id="own", as_of=as_of)

    def run(self, datasets: Mapping[str, Any], as_of: datetime = AS_OF, **more: Any) -> None:
        """Land the datasets of the files source and build everything."""
        self.land({"files": {"datasets": dict(datasets)}}, as_of, **more)
        self.build(as_of=as_of)

    def read(self, query: str) -> Rows:
        """The rows of a query."""
        return self.connection.execute(query).fetchall()  # type: ignore[arg-type]

    def rejected(self, dataset: str) -> list[str]:
        """Why rows of a dataset were rejected."""
        rows = self.connection.execute(
            "select reason from raw.rejected_records where stream = %s order by rejection_id",
            (dataset,),
        )
        return [row[0] for row in rows]
