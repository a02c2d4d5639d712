"""Which column of an entity a heading of a file stands for.

>>> plain_heading("Kunden-Nr. (neu)"), plain_heading("createdAt")
('kunden_nr_neu', 'created_at')
>>> candidates("Bestellnummer")["orders"], candidates("Bestellnr")["orders"]
(['order_id'], ['order_id'])
"""

import re
import unicodedata
from functools import cache
from importlib import resources

import yaml

from rapport.vendors.entities import FIELDS


def plain_heading(heading: str) -> str:
    """The heading as it is compared."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", heading.strip())
    text = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss"))
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


def candidates(heading: str) -> dict[str, list[str]]:
    """By entity: the columns that the heading may stand for, the likeliest first."""
    found, last = (_joined(text) for text in (heading, heading.rpartition(".")[2]))
    by_entity = {
        entity: [*dict.fromkeys([*_table(entity).get(found, ()), *_table(entity).get(last, ())])]
        for entity in FIELDS
        if entity in _said()
    }
    return {entity: names for entity, names in by_entity.items() if names}


def _joined(heading: str) -> str:
    """The heading without blanks: Bestellnr and Bestell-Nr. are one."""
    return plain_heading(heading).replace("_", "")


@cache
def _table(entity: str) -> dict[str, list[str]]:
    said = _said()
    table: dict[str, list[str]] = {}
    own = said[entity]
    for names in (own, said["whose"]):
        for column, text in names.items():
            for word in text.split():
                known = table.setdefault(word.replace("_", ""), [])
                if column not in known:
                    known.append(column)
    return table


@cache
def _said() -> dict[str, dict[str, str]]:
    text = resources.files(__package__).joinpath("headings.yml").read_text("utf-8")
    found: dict[str, dict[str, str]] = yaml.safe_load(text)
    return found
