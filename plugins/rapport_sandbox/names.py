"""Invented names, addresses and phone numbers, in the different spellings of real systems.

>>> transliterate("Щукина")
'Shchukina'
>>> write_phone("DE", "15112345678", "zero")
'+49 (0)151 12345678'
"""

import random

LATIN = {
    "de": (
        "Anna Ben Clara David Emma Felix Greta Hannes Ida Jonas Katrin Lukas Marie Nils Olga Paul"
        " Ronja Sven Theresa Uwe Vera Wolfgang Jürgen Sören Käthe Björn Anja Dieter",
        "Ackermann Bäcker Brandt Dietrich Ebert Fährmann Grünwald Hübner Jäger Köhler Lindner"
        " Möller Neumann Obermeier Pfeiffer Quandt Rösler Schuster Schäfer Thiele Ullrich Vogt"
        " Weiß Zöllner Sommerfeld Steinbach Kaltenbach Rothmann",
    ),
    "en": (
        "Alice Brian Chloe Daniel Evelyn Frank Grace Harry Isla Jack Kelly Liam Mia Noah Olivia"
        " Peter Ruby Samuel Tessa William",
        "Atwood Barlow Carver Denholm Ellery Fairbank Garrick Holloway Ingram Jarvis Kendrick"
        " Lockwood Marlow Norwood Oakley Penrose Radcliff Selby Thornton Whitlock",
    ),
    "fr": (
        "Amélie Bastien Camille Damien Élodie François Gaëlle Hugo Inès Julien Léa Mathieu Noémie"
        " Océane Rémi Solène",
        "Arnoux Bellanger Carpentier Delacroix Fontaine Garnier Hébert Jacquet Lefèvre Marchand"
        " Noël Perrault Rivière Sauvage Thibault Vasseur",
    ),
    "pl": (
        "Agnieszka Bartosz Celina Dawid Ewa Filip Grażyna Hubert Jolanta Kamil Łucja Michał",
        "Adamczyk Borkowski Czajka Dąbrowski Głowacki Jasiński Kalinowski Lisiecki Maślanka"
        " Nowicki Wróbel Zieliński",
    ),
}
CYRILLIC_FIRST = (
    ("Алексей Борис Виктор Дмитрий Евгений Илья Юрий Михаил Павел Сергей", ""),
    ("Анна Вера Галина Екатерина Жанна Ольга Мария Наталья Светлана Юлия", "а"),
)
CYRILLIC_LAST = (
    "Щукин Журавлёв Чайкин Яковлев Соколов Хомутов Цветков Ершов Зайцев Шишкин Лебедев Фомин"
)
CITIES = {
    "DE": "Berlin Hamburg München Köln Leipzig Bremen Dresden Freiburg",
    "AT": "Wien Graz Linz",
    "CH": "Zürich Basel Bern",
    "GB": "London Leeds Bristol",
    "US": "Boston Denver Portland",
    "FR": "Paris Lyon Nantes",
    "PL": "Kraków Gdańsk Poznań",
    "RU": "Москва Казань Самара",
}
# Country code, mobile prefixes that the numbering plan allows, digits after the prefix.
PHONES = {
    "DE": ("49", "1511 1512 1514 1515 1516 1517 1520 1522 1523 1525 1573 1575 1577 1578", 7),
    "AT": ("43", "664 676 650 660 699", 7),
    "CH": ("41", "76 77 78 79", 7),
    "GB": ("44", "7400 7410 7500 7720 7711 7800 7900 7950", 6),
    "US": ("1", "201 212 303 312 415 503 617 702", 7),
    "FR": ("33", "60 61 62 66 67", 7),
    "PL": ("48", "501 502 600 601 602 690 721 880", 6),
    "RU": ("7", "903 905 909 916 925 926 985", 7),
}
_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "e",
            "zh",
            "z",
            "i",
            "y",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "shch",
            "-",
            "y",
            "-",
            "e",
            "yu",
            "ya",
        ],
        strict=True,
    )
)
_FOLDS = dict(
    zip(
        "äöüßéèëêàçïñłąęśżźćńóô",
        [
            "ae",
            "oe",
            "ue",
            "ss",
            "e",
            "e",
            "e",
            "e",
            "a",
            "c",
            "i",
            "n",
            "l",
            "a",
            "e",
            "s",
            "z",
            "z",
            "c",
            "n",
            "o",
            "o",
        ],
        strict=True,
    )
)


def transliterate(name: str) -> str:
    """A Cyrillic name in Latin letters."""
    out = []
    for letter in name:
        latin = _CYRILLIC.get(letter.lower())
        if latin is None:
            out.append(letter)
        elif latin != "-":
            out.append(latin.capitalize() if letter.isupper() else latin)
    return "".join(out)


def fold(name: str) -> str:
    """A name in lower-case ASCII, as in an e-mail address."""
    folded = "".join(_FOLDS.get(letter, letter) for letter in name.lower())
    return "".join(letter for letter in folded if letter.isascii() and letter.isalnum())


def misspell(rng: random.Random, name: str) -> str:
    """`name` with one typing error, but never in the first letter."""
    if len(name) < 4:
        return name
    at = 1 + int(rng.random() * (len(name) - 2))
    slip = rng.random()
    if slip < 0.4:
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    if slip < 0.7:
        return name[:at] + name[at + 1 :]
    return name[:at] + name[at] + name[at:]


def phone_digits(country: str, slot: int) -> str:
    """The national phone number of a slot. Up to 5 million slots of a country all differ."""
    _, prefixes, digits = PHONES[country]
    options = prefixes.split()
    span = 10**digits
    rest = slot // len(options) * 7_919_117 + 1_234_567
    if country == "US":  # an exchange starts with 2 to 9
        return options[slot % len(options)] + str(2_000_000 + rest % 8_000_000)
    return options[slot % len(options)] + f"{rest % span:0{digits}d}"


def write_phone(country: str, national: str, style: str) -> str:
    """A phone number in one of the notations e164, spaced, zero, double_zero, local, dashed."""
    code = PHONES[country][0]
    head, tail = national[:3], national[3:]
    if style == "local" and country == "DE":  # only German numbers are read without a code
        return f"0{head} {tail}"
    if style == "zero" and country in ("DE", "AT", "CH", "GB"):
        return f"+{code} (0){head} {tail}"
    if style == "double_zero" and country not in ("US", "RU"):
        return f"00{code}{national}"
    if style == "spaced":
        return f"+{code} {head} {tail[:3]} {tail[3:]}"
    if style == "dashed":
        return f"+{code}-{head}-{tail}"
    return f"+{code}{national}"
