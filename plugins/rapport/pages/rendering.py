"""Templates filled with values: everything is escaped, words come from the message catalogue.

>>> environment("en").from_string("{{ name }}").render(name="<script>")
'&lt;script&gt;'
"""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from rapport.pages.translations import Words

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
LOCALE = HERE / "locale"
LOCALES = ("en", "ru")


@cache
def environment(locale: str) -> jinja2.Environment:
    """Jinja for one language; a message that is not translated stays English."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    messages = _messages(locale)
    made.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda text: messages.get((text, None), text),
        ngettext=lambda one, many, count: _plural(messages, locale, one, many, count),
        pgettext=lambda context, text: messages.get((text, context), text),
        newstyle=True,
    )
    made.globals["w"] = Words(locale)
    made.globals["locale"] = locale
    made.filters["words"] = lambda name: _words(name, messages)
    return made


def render(template: str, locale: str = "en", **values: Any) -> str:
    """The page."""
    return environment(locale).get_template(template).render(**values)


def _words(name: str, messages: dict[tuple[str, str | None], Any]) -> str:
    """A name of the warehouse as words: `no_consent` as no consent, a known one in the language."""
    text = str(name).replace("_", " ")
    return str(messages.get((text, "code"), text))


def _messages(locale: str) -> dict[tuple[str, str | None], Any]:
    """What the catalogue of a language has; English is what the templates say."""
    path = LOCALE / f"{locale}.po"
    if not path.is_file():
        return {}
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        catalogue = read_po(file, locale=locale)
    messages: dict[tuple[str, str | None], Any] = {}
    for message in catalogue:
        if not message.id or not message.string or message.fuzzy:
            continue
        key = message.id[0] if isinstance(message.id, tuple) else message.id
        messages[str(key), message.context] = message.string
    return messages


def _plural(
    messages: dict[tuple[str, str | None], Any], locale: str, one: str, many: str, count: int
) -> str:
    from babel import Locale

    forms = messages.get((one, None))
    if isinstance(forms, tuple):
        categories = {"ru": ("one", "few", "many")}.get(locale, ("one", "other"))
        category = Locale(locale).plural_form(count)
        place = categories.index(category) if category in categories else len(categories) - 1
        return str(forms[min(place, len(forms) - 1)])
    return one if count == 1 else many
