"""The people of the simulation, in plain dicts.

A human has two addresses, a phone and a word for each channel and purpose; a customer is the humans
that identity takes for one.

>>> company = Company(2)
>>> company.merge("p0", "p1")
>>> [human.name for human in company.of("p0")]
['p0', 'p1']
"""

from dataclasses import dataclass, field
from datetime import datetime

from .project import CONSENT_SOURCES

CHANNELS = ("email", "sms")
PURPOSES = ("marketing", "feedback", "service")


@dataclass
class Word:
    """What somebody said last: yes or no, when, and which source knows it."""

    is_granted: bool
    at: datetime
    source: str


@dataclass
class Human:
    """`addresses` are e-mail addresses; `golden` is the index of the one that is written to."""

    name: str
    addresses: list[str]
    phone: str
    words: dict[tuple[str, str], Word] = field(default_factory=dict)
    golden: int = 0
    former: list[str] = field(default_factory=list)


class Company:
    """Who there is. `customer` has the customer of each human: the human whose id survived.

    Addresses in `excluded` join nobody. Of the sources in `vanished`, every yes is gone.
    """

    def __init__(self, number: int) -> None:
        self.humans = {
            name: Human(name, [f"{name}@example.com", f"{name}@example.net"], f"+4930555{i:04}")
            for i, name in enumerate(f"p{n}" for n in range(number))
        }
        self.customer = {name: name for name in self.humans}
        self.erased: dict[str, Human] = {}
        self.excluded: set[str] = set()
        self.vanished: set[str] = set()
        self.aliases = {name: name for name in self.humans}

    def of(self, customer: str) -> list[Human]:
        """The humans of a customer, by any id that it ever had; those of an erased one too."""
        now = self.aliases.get(customer, customer)
        return [self.humans[name] for name, id in self.customer.items() if id == now]

    def owner(self, address: str) -> Human | None:
        """Whose address or number it is."""
        for human in (*self.humans.values(), *self.erased.values()):
            if address in (*human.addresses, *human.former, human.phone):
                return human
        return None

    def says(self, name: str, is_granted: bool, at: datetime) -> None:
        """Yes or no to everything, in the source that knows them."""
        human = self.humans[name]
        for channel in CHANNELS:
            for purpose in PURPOSES:
                known = human.words.get((channel, purpose))
                source = known.source if known else CONSENT_SOURCES[int(name[1:]) % 4 == 3]
                human.words[channel, purpose] = Word(is_granted, at, source)

    def merge(self, old: str, new: str) -> None:
        """Two customers turn out to be one."""
        for name, id in self.customer.items():
            if id == old:
                self.customer[name] = new
        for alias, id in self.aliases.items():
            if id == old:
                self.aliases[alias] = new

    def split(self, name: str) -> None:
        """A human who was merged stands alone again, under the id from before."""
        self.customer[name] = self.aliases[name] = name

    def forget(self, names: list[str]) -> None:
        """They were erased: no build knows them any more."""
        for name in names:
            self.erased[name] = self.humans.pop(name)
            self.customer.pop(name)
            self.aliases.pop(name, None)

    def words(self, customer: str) -> dict[tuple[str, str], Word]:
        """The most restrictive word of the humans of a customer.

        It is what the models must say: a no outlives its record, and what a source knew stays known
        while it is off.
        """
        found: dict[tuple[str, str], Word] = {}
        for human in self.of(customer):
            for key, word in human.words.items():
                if word.is_granted and word.source in self.vanished:
                    continue
                if key not in found or _rank(word) > _rank(found[key]):
                    found[key] = word
        return found


def _rank(word: Word) -> tuple[bool, datetime]:
    """A no before a yes, then what was said last."""
    return not word.is_granted, word.at
