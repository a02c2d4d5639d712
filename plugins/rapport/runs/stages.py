"""The stages of a run: what kind each one is, how long it took, what it did, how it ended.

>>> name_of("land", "postbox")
'land postbox'
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from psycopg.types.json import Jsonb

from rapport import warehouse
from rapport.errors import RapportError
from rapport.runs.run import Run

Kind = Literal[
    "start", "land", "check_arrival", "wait", "build", "normalise", "read_comments", "resolve",
    "predict", "check_publication", "publish", "evaluate", "read_segments", "pull",
    "pull_destination", "plan", "push", "judge", "tell",
]  # fmt: skip

# The displayed names; `{}` is the subject: a source, a destination or a layer of the dbt project.
NAMES: dict[Kind, str] = {
    "start": "start Airflow",
    "land": "land {}",
    "check_arrival": "check {}",
    "wait": "wait for sources",
    "build": "build {}",
    "normalise": "normalise identifiers",
    "read_comments": "read comments",
    "resolve": "resolve customers",
    "predict": "predict",
    "check_publication": "check publication",
    "publish": "publish",
    "evaluate": "evaluate segments",
    "read_segments": "read segments",
    "pull": "pull suppressions",
    "pull_destination": "pull {}",
    "plan": "plan",
    "push": "push {}",
    "judge": "answers of {}",
    "tell": "tell",
}


@dataclass(slots=True)
class Stage:
    """A stage that is running; `result` is stored with it and holds counts and ids only."""

    kind: Kind
    subject: str | None
    result: dict[str, Any] = field(default_factory=dict)


def name_of(kind: Kind, subject: str | None = None) -> str:
    """The name of a stage as people see it."""
    return NAMES[kind].format(subject)


@contextlib.contextmanager
def stage(run: Run, kind: Kind, subject: str | None = None) -> Iterator[Stage]:
    """Time a stage and record how it ended; of a foreign error, only its type is recorded."""
    started = time.monotonic()
    current = Stage(kind, subject)
    with warehouse.connect(autocommit=True) as connection:
        row = connection.execute(
            "insert into ops.stages (run_id, name, kind, subject) values (%s, %s, %s, %s)"
            " returning stage_id",
            (run.run_id, name_of(kind, subject), kind, subject),
        ).fetchone()
        assert row is not None
    status, error = "failed", None
    try:
        yield current
        status = "succeeded"
    except RapportError as raised:
        error = f"{type(raised).__name__}: {raised}"
        raise
    except BaseException as raised:
        error = type(raised).__name__
        raise
    finally:
        with warehouse.connect(autocommit=True) as connection:
            connection.execute(
                "update ops.stages set seconds = %s, status = %s, error = %s, result = %s"
                " where stage_id = %s",
                (time.monotonic() - started, status, error, Jsonb(current.result), row[0]),
            )
