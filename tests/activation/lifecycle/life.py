"""What may happen to a company's lists between two nights.

Each method is a rule of the simulation, or a step of a test. What must hold after a night is in
`oracle.py`.

>>> life = Life(world, tmp_path)  # doctest: +SKIP
>>> life.withdraws("p1")  # doctest: +SKIP
>>> life.night()  # doctest: +SKIP
"""

from rapport.activation.planning.approval import decide, pending
from rapport.errors import RapportError
from rapport.privacy.erase import erase
from rapport.privacy.requests import Request, request
from rapport.privacy.requests import pending as unanswered

from .nights import KilledError, Nights
from .oracle import Out
from .project import DESTINATIONS
from .tools import Account


class Life(Nights):
    """Days of people and of the company."""

    def withdraws(self, name: str) -> None:
        self.company.says(name, False, self.now())

    def gives_consent_again(self, name: str) -> None:
        """A yes in a form of the company, and the tools say no more that they are out."""
        human = self.company.humans[name]
        self.company.says(name, True, self.now())
        for account in self.accounts.values():
            for address in (*human.addresses, human.phone):
                account.subscribe(address)

    def unsubscribes(self, name: str, tool: str, by: int = 0) -> None:
        """At a tool, by the number `by` of their addresses; at one that texts, by phone."""
        human = self.company.humans[name]
        address = human.phone if tool == "twilio" else human.addresses[by]
        self.accounts[tool].unsubscribe(address)
        channel = "sms" if tool == "twilio" else "email"
        self.oracle.outs.append(Out(name, address, tool, channel, self.now()))

    def unsubscribes_by_a_former_address(self, name: str, tool: str) -> None:
        """By a link in an old mail."""
        address = self.company.humans[name].former[-1]
        self.accounts[tool].unsubscribe(address)
        self.oracle.outs.append(Out(name, address, tool, "email", self.now()))

    def address_is_replaced(self, name: str, new: str) -> None:
        """The golden address is another one, and no source has the old one any more."""
        human = self.company.humans[name]
        human.former.append(human.addresses[human.golden])
        human.addresses[human.golden] = new
        self.oracle.outs += [
            Out(name, new, account.name, "email", self.now())
            for account in self.accounts.values()
            if (contact := account.by_address(new)) and account.contacts[contact]["is_out"]
        ]

    def the_tool_forgets(self, name: str, tool: str) -> None:
        """Whoever unsubscribed is deleted at the tool: it does not say so any more."""
        human, account = self.company.humans[name], self.accounts[tool]
        addresses = {*human.addresses, human.phone}
        rows = account.contacts.items()
        account.forget({k for k, row in rows if row["is_out"] and row["address"] in addresses})

    def the_tool_merges(self, old: str, tool: str) -> None:
        """Somebody at the tool made two contacts one: that of `old` is gone."""
        account = self.accounts[tool]
        account.forget(account.by_ids({old}))

    def the_workspace_changes(self, tool: str) -> None:
        """The connection leads to another account, which is empty."""
        old = self.accounts[tool]
        self.accounts[tool] = Account(tool, judge=old.judge, passes=old.passes)

    def golden_address_changes(self, name: str) -> None:
        human = self.company.humans[name]
        human.golden = 1 - human.golden

    def record_is_deleted_at_the_vendor(self, name: str) -> None:
        """With the record goes the yes that it carried; a no outlives it."""
        words = self.company.humans[name].words
        for key in [key for key, word in words.items() if word.is_granted]:
            del words[key]

    def consents_vanish_or_come_back(self, source: str) -> None:
        """The source is on, and its models have no yes of anybody."""
        self.company.vanished ^= {source}

    def enters_or_leaves(self, key: str, name: str) -> None:
        self.members[key] ^= {name}

    def traits_change(self) -> None:
        self.score += 1

    def merges(self, old: str, new: str) -> None:
        old, new = self.company.customer[old], self.company.customer[new]
        if old != new:
            self.company.merge(old, new)

    def splits(self, name: str) -> None:
        if self.company.customer[name] != name:
            self.company.split(name)

    def is_erased(self, name: str, beside_a_push: bool = False) -> None:
        """By the real erasure; `beside_a_push` pushes when the first tool has answered."""
        customer, at = self.company.customer[name], self.now()
        if beside_a_push:
            self.accounts["intercom"].while_erasing = self.push_again
        names = [human.name for human in self.company.of(customer)]
        asked = self._asked(customer)
        for last in (False, False, True):
            try:
                erase(self.world.connection, asked, at=at)
                break
            except RapportError:
                if last:
                    raise
        if (aside := self.accounts["intercom"].aside) is not None:
            aside.join(60)
        self.company.forget(names)
        self.oracle.by_hand |= {
            (tool, name)
            for tool in DESTINATIONS for name in names
            if not self.project.is_on("destinations", tool)
        }  # fmt: skip
        for people in self.members.values():
            people -= set(names)
        self.oracle.is_gone(names)

    def an_erasure_is_killed(self, name: str, kill_at: str) -> None:
        """An erasure begins and is killed; `is_erased` goes on with it."""
        self.kill_at = kill_at
        try:
            erase(self.world.connection, self._asked(self.company.customer[name]), at=self.now())
        except KilledError:
            self.kill_at = None

    def _asked(self, customer: str) -> Request:
        waiting = [one for one in unanswered(self.world.connection) if one.person == customer]
        if waiting:
            return waiting[0]
        return request(self.world.connection, "erase", customer, at=self.now())

    def declares(self, key: str, *destinations: str) -> None:
        """A segment gains or loses destinations, or comes back."""
        self.project.declare(key, **({"destinations": list(destinations)} if destinations else {}))

    def spoils(self, key: str, how: str) -> None:
        if key in self.project.declared:
            self.project.spoil(key, how)

    def deletes(self, key: str) -> None:
        self.project.delete(key)

    def switches(self, kind: str, name: str, is_on: bool | None) -> None:
        """On, off, or out of rapport.yml (None)."""
        (self.project.sources if kind == "sources" else self.project.destinations)[name] = is_on
        self.project.configure()

    def approves(self) -> None:
        """Everything that waits gets a yes."""
        for asked in pending(self.world.connection):
            decide(self.world.connection, asked["segment"], approve=True, reason="looked at it",
                   destination=asked["destination"])  # fmt: skip
