"""Templates filled with values: everything is escaped, words come from the message catalogue.

>>> environment("en").from_string("{{ name }}").render(name="<script>")
'&lt;script&gt;'
"""

from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import jinja2

from rapport.pages.messages import translations
from rapport.pages.translations import Words

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"


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
    messages = translations(locale)
    made.install_gettext_translations(messages, newstyle=True)  # type: ignore[attr-defined]
    made.globals["w"] = Words(locale)
    made.globals["locale"] = locale
    made.filters["words"] = lambda name: _words(name, messages)
    return made


def render(template: str, locale: str = "en", **values: Any) -> str:
    """The page."""
    return environment(locale).get_template(template).render(**values)


def _words(name: str, messages: NullTranslations) -> str:
    """A name of the warehouse as words: `no_consent` as no consent, a known one in the language."""
    return messages.pgettext("code", str(name).replace("_", " "))
