"""Texts of messages: option `messages: {<segment>: text}`, with a person's traits in braces.

>>> person = Person("c_1", full_name="Anna Berg", traits={"score": 7})
>>> written("Hello {first_name}: {score}", person)
('Hello Anna: 7', None)
>>> written("Hello {city}", person)
('', 'the text needs a trait that this person has not')
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from rapport.vendors.destination import Audience, Person

Text = TypeVar("Text")
MISSING = "the text needs a trait that this person has not"


def text_of(messages: Mapping[str, Text], audience: Audience) -> Text | None:
    """The text for a segment, else the one for `*` (every segment); None if there is none."""
    return messages.get(audience.key, messages.get("*"))


def words_of(person: Person) -> dict[str, Any]:
    """The person's traits that are known, and `first_name`."""
    known = {name: value for name, value in person.traits.items() if value is not None}
    first = (person.full_name or "").partition(" ")[0]
    return {**known, **({"first_name": first} if first else {})}


def written(template: str, person: Person) -> tuple[str, str | None]:
    """The text for a person, or the reason why there is none."""
    return written_with(template, words_of(person))


def written_with(template: str, words: Mapping[str, Any]) -> tuple[str, str | None]:
    """The text with these words, or the reason why there is none."""
    try:
        return template.format_map(words), None
    except (KeyError, IndexError, ValueError, AttributeError):
        return "", MISSING
