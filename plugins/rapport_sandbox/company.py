"""The invented company: generated from a seed and a date, then moved on by one day at a time.

Nobody in it exists. The same seed, size and start date always give the same bytes.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     Company.generate(Path(folder), people=20, seed=7, start=date(2026, 3, 31)).night
1
"""

# ruff: noqa: S311 - the dice must be repeatable, nothing here is secret

import fcntl
import itertools
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rapport.errors import ConfigError
from rapport_sandbox import clock, crm, messaging, support_desk
from rapport_sandbox.agenda import HANDLERS
from rapport_sandbox.files import NightFiles, write_products
from rapport_sandbox.life import Life
from rapport_sandbox.person import Person
from rapport_sandbox.store import (
    Batch,
    add_indexes,
    connect,
    create,
    decode,
    read_meta,
    stream_rows,
    write_meta,
)

BATCH = 500
DATABASE = "company.sqlite"
NEW_SHARE = 0.003
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Company:
    """The parameters and the current time of the company in a folder."""

    people: int
    seed: int
    start: str
    as_of: int
    night: int
    next_number: int

    @classmethod
    def load(cls, root: Path) -> "Company":
        """Load the company of a folder; raises ConfigError if none is generated yet."""
        with _connected(root) as database:
            return cls.of(database)

    @classmethod
    def of(cls, database: sqlite3.Connection) -> "Company":
        meta = read_meta(database)
        number = {k: int(meta[k]) for k in ("people", "seed", "as_of", "night", "next_number")}
        return cls(start=meta["start"], **number)

    @classmethod
    def generate(
        cls, root: Path, people: int, seed: int, start: date, progress: Progress | None = None
    ) -> "Company":
        """Generate a company with 90 days of history. Memory use does not grow with `people`."""
        root.mkdir(parents=True, exist_ok=True)
        if (root / DATABASE).exists():
            raise ConfigError(
                f"sandbox: {root.name} already has a company. Run `rapport sandbox reset` to "
                "delete it."
            )
        half_done = root / "files.part"
        shutil.rmtree(half_done, ignore_errors=True)
        part = root / f"{DATABASE}.part"
        part.unlink(missing_ok=True)
        as_of = clock.first_night(start)
        database = create(part)
        database.execute("begin")
        counts = _write_history(database, half_done, people, seed, as_of, progress)
        meta = {"people": people, "seed": seed, "start": start.isoformat(), "as_of": as_of}
        write_meta(database, {**meta, "night": 1, "next_number": people + 1, **counts})
        database.execute("commit")
        add_indexes(database)
        database.close()
        shutil.rmtree(root / "files", ignore_errors=True)
        half_done.replace(root / "files")
        part.replace(root / DATABASE)
        return cls.load(root)


def next_night(root: Path) -> dict[str, int]:
    """Move the company on by one day; returns the number of changes by stream.

    A server can read the file at the same time: all changes appear in one transaction.
    """
    with locked(root, "night"), _connected(root) as database:
        company = Company.of(database)
        since, until = company.as_of, company.as_of + clock.DAY
        night = company.night + 1
        newcomers = max(3, round(company.people * NEW_SHARE))
        born = range(company.next_number, company.next_number + newcomers)
        database.execute("begin immediate")
        batch = Batch(database)
        with NightFiles(root / "files", clock.iso(until)[:10]) as files:
            for number, items in _due(database, until):
                row = database.execute("select state from people where number = ?", (number,))
                dice = random.Random(f"{company.seed}/{number}/{night}")
                person = Person.make(company.seed, number)
                state = decode(row.fetchone()[0])
                if state.get("erased"):
                    continue
                life = Life(person, state, batch, dice, since, until)
                for due, kind, data in items:
                    life.later(max(due, since), kind, decode(data))
                life.live(HANDLERS)
                _flush(batch, files, len(batch.people) >= BATCH)
            for number in born:
                dice = random.Random(f"{company.seed}/{number}/{night}")
                arrival = since + int(dice.random() * (clock.DAY - clock.HOUR))
                _begin(company.seed, number, batch, dice, since, until, arrival)
            _flush(batch, files, True)
            database.execute("delete from agenda where due < ?", (until,))
            # New agenda entries are due after `until`, so this deletes none of them.
            unsubscribed = messaging.unsubscribe_some(database, company.seed, night, since)
            write_meta(database, {"as_of": until, "night": night, "next_number": born.stop})
        database.execute("commit")
    return {
        "new_people": len(born),
        **dict(sorted(batch.counts.items())),
        **{f"files_{kind}": count for kind, count in sorted(files.counts.items())},
        "intercom_unsubscribed": unsubscribed,
    }


def truth(root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (profile_id, person, note) of every profile that ever existed, sorted by profile."""
    with _connected(root) as database:
        yield from database.execute("select profile_id, person, note from truth order by 1")


@contextmanager
def locked(root: Path, what: str) -> Iterator[None]:
    """Hold the lock for the work `what`; other processes wait."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_history(
    database: sqlite3.Connection,
    folder: Path,
    people: int,
    seed: int,
    as_of: int,
    progress: Progress | None,
) -> dict[str, object]:
    since = as_of - clock.HISTORY
    batch = Batch(database)
    write_products(folder)
    with NightFiles(folder, clock.iso(as_of)[:10]) as files:
        support_desk.add_agents(batch, since - 400 * clock.DAY)
        crm.add_company(batch, 0, since)
        for number in range(1, people + 1):
            dice = random.Random(f"{seed}/{number}/1")
            if dice.random() < 0.6:
                arrival = since - clock.DAY - int(dice.random() ** 1.5 * 700 * clock.DAY)
            else:
                arrival = since + int(dice.random() * (clock.HISTORY - clock.HOUR))
            _begin(seed, number, batch, dice, since, as_of, arrival)
            if number % BATCH == 0:
                _flush(batch, files, True)
                if progress is not None:
                    progress(number, people)
        _flush(batch, files, True)
        messaging.add_standard_attributes(database)
    return {f"rows_{kind}": count for kind, count in files.counts.items()}


def _begin(
    seed: int,
    number: int,
    batch: Batch,
    dice: random.Random,
    since: int,
    until: int,
    arrival: int,
) -> None:
    life = Life(Person.make(seed, number), {}, batch, dice, since, until)
    crm.add_company(batch, number, max(arrival, since))
    life.later(arrival, "arrive")
    life.live(HANDLERS)


def _flush(batch: Batch, files: NightFiles, is_due: bool) -> None:
    if is_due:
        files.write(batch.rows)
        batch.write()


def _due(
    database: sqlite3.Connection, until: int
) -> Iterator[tuple[int, list[tuple[int, str, bytes]]]]:
    """Yield the people with agenda entries due before `until`, sorted by their number."""
    database.execute("drop table if exists temp.due_entries")
    database.execute(
        "create temp table due_entries as select number, due, kind, data from agenda"
        " where due < ? order by number, due, kind, data",
        (until,),
    )
    rows = stream_rows(database, "select number, due, kind, data from due_entries order by rowid")
    for number, items in itertools.groupby(rows, key=lambda row: row[0]):
        yield number, [(due, kind, data) for _, due, kind, data in items]


@contextmanager
def _connected(root: Path) -> Iterator[sqlite3.Connection]:
    database = connect(root / DATABASE)
    try:
        yield database
    finally:
        database.close()
