"""The small company of the simulation: its tools, which judge every payload, and its days.

>>> company = Company(world, Memory(world), seed=7)  # doctest: +SKIP
>>> company.a_day_passes()  # doctest: +SKIP
"""

import random
from collections import Counter
from typing import Any

import httpx

from rapport.connectors.intercom.destination import Intercom
from rapport.errors import RetryLater
from rapport.vendors.connections import Connection
from rapport.vendors.destination import Batch, Contact

PEOPLE = [f"p{number:02}" for number in range(60)]
BATCH = 7
Lists = dict[str, dict[str, tuple[Any, ...]]]


class Memory:
    """The tool of the small world, which judges every payload."""

    def __init__(self, world: Any) -> None:
        self.tool = world.tool
        self.tool.batch_size = BATCH
        self.tool.before_call = self.judge
        self.refusers: set[str] = set()
        self.violations: list[str] = []
        self.busy = 0
        self.throttled = 0

    def judge(self, op: str, batch: Batch) -> None:
        named = {person.customer_id for person in batch.people}
        if op == "upsert" and named & (self.refusers | {c.external_id for c in self.tool.told}):
            self.violations.append(batch.id)
        if self.busy:
            self.busy -= 1
            self.throttled += 1
            raise RetryLater("tool: 429")

    def refuse(self, rows: dict[str, str], dice: random.Random) -> None:
        """The tool refuses these people: their rows, or any batch that they are in."""
        self.tool.bad_rows, self.tool.sinks_batch = set(rows), set()
        if dice.random() < 0.5:
            self.tool.bad_rows, self.tool.sinks_batch = set(), set(rows)

    def throttle(self, dice: random.Random) -> None:
        self.busy = 1

    def calm(self) -> None:
        self.busy = 0

    def unsubscribe(self, person: str) -> None:
        self.tool.told.append(Contact(f"out_{person}", person, says=("unsubscribed",)))

    def lists(self) -> Lists:
        return {
            segment: {key: (row["email"], row["score"]) for key, row in people.items()}
            for segment, people in self.tool.lists.items()
        }

    def close(self) -> None:
        pass


class Double:
    """Intercom's double, over HTTP."""

    def __init__(self, world: Any, base: str) -> None:
        from rapport_sandbox.doubles import logins

        self.http = httpx.Client(
            base_url=base,
            timeout=30,
            headers={"Authorization": "Bearer demo-not-a-secret-intercom"},
        )
        connection = Connection("intercom", host=f"{base}/intercom", **logins()["intercom"])
        self.tool = world.tool = Intercom(
            {"requests_per_minute": 1_000_000}, connection, sleep=lambda seconds: None
        )
        self.tool.batch_size = BATCH
        self.throttled = 0
        self._refusers: set[str] = set()
        self.squatters: dict[str, str] = {}

    @property
    def refusers(self) -> set[str]:
        return self._refusers

    @refusers.setter
    def refusers(self, people: set[str]) -> None:
        self._refusers = people
        self.http.post("/_sandbox/refusers", json={"people": sorted(people)}).raise_for_status()

    @property
    def violations(self) -> list[Any]:
        return list(self.http.get("/_sandbox/violations").json()["violations"])

    def calm(self) -> None:
        """The 429s that the night did not meet must not meet the calls of the day."""
        faults = self.http.get("/_sandbox/faults").json()["faults"]
        self.throttled += sum(fault["hits"] for fault in faults)
        self.http.delete("/_sandbox/faults").raise_for_status()

    def refuse(self, rows: dict[str, str], dice: random.Random) -> None:
        """Somebody else has the address of a row: the tool refuses it as a conflict."""
        for person in self.squatters.keys() - rows.keys():
            path = f"/intercom/contacts/{self.squatters.pop(person)}"
            self.http.delete(path).raise_for_status()
        for person in rows.keys() - self.squatters.keys():
            body = {"external_id": f"stranger of {person}", "email": rows[person]}
            answer = self.http.post("/intercom/contacts", json=body).raise_for_status()
            self.squatters[person] = answer.json()["id"]

    def throttle(self, dice: random.Random) -> None:
        """One 429, which the client waits out; or more than it has patience for."""
        fault = {"vendor": "intercom", "kind": "429", "after": dice.randint(2, 8)}
        times = dice.choice((1, 60))
        self.http.post("/_sandbox/faults", json={**fault, "times": times}).raise_for_status()

    def unsubscribe(self, person: str) -> None:
        answer = self.http.get(f"/intercom/contacts/find_by_external_id/{person}")
        path = f"/intercom/contacts/{answer.raise_for_status().json()['id']}"
        self.http.put(path, json={"unsubscribed_from_emails": True}).raise_for_status()

    def close(self) -> None:
        self.http.close()
        self.tool.close()

    def lists(self) -> Lists:
        found: Lists = {}
        for contact in self.http.get("/_sandbox/state/intercom").json():
            for tag in contact.get("tags", ()):
                segment = tag.removeprefix("rapport_")
                row = (contact["email"], contact["custom_attributes"].get(f"{segment}_score"))
                found.setdefault(segment, {})[contact["external_id"]] = row
        return found


class Company:
    """What ought to be, in plain dictionaries; `happened` counts what did."""

    def __init__(self, world: Any, tool: Any, seed: int) -> None:
        self.world, self.tool, self.dice = world, tool, random.Random(seed)
        world.customers(*PEOPLE)
        self.granted = set(PEOPLE)
        self.out: set[str] = set()
        self.merged_into: dict[str, str] = {}
        self.email = {person: f"{person}@example.com" for person in PEOPLE}
        self.score = dict.fromkeys(PEOPLE, 1)
        self.members: dict[str, set[str]] = {"first": set(PEOPLE[:30]), "second": set(PEOPLE[20:])}
        self.refused: set[str] = set()
        self.happened: Counter[str] = Counter()
        for priority, key in enumerate(self.members, start=1):
            trait = {"score": f"{key}_score" if isinstance(tool, Double) else "score"}
            world.segment(key, [], priority=priority, traits=trait)

    @property
    def alive(self) -> list[str]:
        return sorted(set(PEOPLE) - self.merged_into.keys())

    def now(self, person: str) -> str:
        """The id that a person has today."""
        while person in self.merged_into:
            person = self.merged_into[person]
        return person

    def a_day_passes(self) -> None:
        """Everything changes a little; somebody on a list always says no."""
        dice, night = self.dice, self.world.night_number
        listed = self.listed()
        if listed:
            self.says(dice.choice(listed), False)
        for person in dice.sample(self.alive, 3):
            self.says(person, person not in self.granted)
        # As many come back as go, or there would be nobody left after some weeks.
        gone = sorted(set(self.alive) - self.granted - self.out)
        for person in dice.sample(gone, min(2, len(gone))):
            self.says(person, True)
        for people in self.members.values():
            people ^= set(dice.sample(self.alive, 4))
        for person in dice.sample(self.alive, 3):
            self.score[person] += 1
        if (listed := self.listed()) and (night == 2 or dice.random() < 0.4):
            person = dice.choice(listed)
            self.tool.unsubscribe(person)
            self.out.add(person)
            self.happened["unsubscribed"] += 1
        if (listed := self.listed()) and (night % 4 == 1 or dice.random() < 0.3):
            old = dice.choice(listed)
            self.merge(old, dice.choice([person for person in self.alive if person != old]))
        self.some_are_refused()
        if night % 4 == 3:
            self.tool.throttle(dice)
        for key, people in self.members.items():
            self.world.members(key)
            for person in people:
                self.world.connection.execute(
                    f"insert into marts.people_of_{key} values (%s, %s)",
                    (person, self.score[person]),
                )

    def listed(self) -> list[str]:
        """Who is at the tool under the id of today, and has not said no there."""
        there = {person for people in self.tool.lists().values() for person in people}
        return sorted(there - self.merged_into.keys() - self.out)

    def says(self, person: str, yes: bool) -> None:
        (self.granted.add if yes else self.granted.discard)(person)
        self.world.consent(person, yes)
        self.tool.refusers = set(PEOPLE) - self.granted
        self.happened["granted" if yes else "withdrawn"] += 1

    def changes_a_mind(self) -> None:
        """Somebody whom tonight's plan would send says no before the push."""
        planned = self.world.connection.execute(
            "select distinct customer_id from activation.plan where op <> 'remove' order by 1"
        ).fetchall()
        if planned:
            self.says(self.dice.choice(planned)[0], False)
            self.happened["withdrawn after the plan"] += 1

    def merge(self, old: str, new: str) -> None:
        """`old` turns out to be `new`, who says no if one of them did."""
        self.world.merge(old, new)
        self.merged_into[old] = new
        for people in self.members.values():
            if old in people:
                people.remove(old)
                people.add(new)
        if old in self.out:
            self.out.add(new)
        if old not in self.granted and new in self.granted:
            self.says(new, False)
        for table in ("marts.dim_customers", "marts_pii.dim_customer_contacts"):
            self.world.connection.execute(f"delete from {table} where customer_id = %s", (old,))
        self.happened["merged"] += 1

    def some_are_refused(self) -> None:
        """Two people move to addresses that the tool does not take."""
        wanted = sorted({p for people in self.wanted().values() for p in people})
        refused = {self.dice.choice(wanted), self.dice.choice(wanted)}
        for person in sorted(refused - self.refused):
            self.email[person] = f"{person}-moved-{self.world.night_number}@example.com"
            self.world.connection.execute(
                "update marts_pii.dim_customer_contacts set email = %s where customer_id = %s",
                (self.email[person], person),
            )
        self.refused = refused
        self.tool.refuse({person: self.email[person] for person in refused}, self.dice)

    def wanted(self) -> Lists:
        """Who should be on each list; a row that the tool refuses may be there from before."""
        allowed = self.granted - self.out - self.merged_into.keys()
        first = self.members["first"] & allowed
        second = self.members["second"] & allowed - first
        return {
            key: {person: (self.email[person], self.score[person]) for person in people}
            for key, people in (("first", first), ("second", second))
        }
