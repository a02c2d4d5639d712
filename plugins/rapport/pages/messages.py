"""The message catalogues of the pages, `locale/<language>.po`, as gettext translations.

>>> translations("en").gettext("Stages")
'Stages'
"""

from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
LOCALES = ("en", "ru")


@cache
def translations(locale: str) -> NullTranslations:
    """The translations of a language; a message without one stays English."""
    path = LOCALE / f"{locale}.po"
    if not path.is_file():
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=locale))
    compiled.seek(0)
    return Translations(compiled)
