"""What two records are compared by: the fields, and the levels of agreement of each.

A level is a condition in SQL (DuckDB) over `l_<column>` and `r_<column>`; the first that holds
counts. `m` is how often two records of one person are on the level, `u` how often two of strangers
are (Fellegi and Sunter 1969). Both are only where estimation starts from: `weights.py`.

>>> [comparison.name for comparison in COMPARISONS][:3]
['given', 'surname', 'birth']
"""

from dataclasses import dataclass

WEIGHED = ("given", "surname", "mail", "number", "phone", "city", "postal", "company")
"""The columns in which an equal rare value counts more than an equal common one."""

TEXTS = (
    "given", "surname", "given_root", "birth", "email", "mail", "number", "phone", "country",
    "region", "city", "postal", "street", "house", "company",
)  # fmt: skip
"""The columns of a record that are compared, all text."""

LETTERS = ("given", "surname", "city")
"""The columns that are also compared by their letters in alphabetical order: `<column>_letters`."""


@dataclass(frozen=True)
class Level:
    """A degree of agreement; `weighed` is the column whose rare values count more."""

    holds: str
    m: float
    u: float
    weighed: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The levels of a field, the best first; the last holds for all other pairs.

    `unknown` is the condition under which nothing is compared. `shared` is the share of pairs of
    relatives or colleagues who agree as one person's records do; the others agree by chance, which
    is `chance` times as frequent as among strangers. `most_different` bounds the last level for one
    person, so that records that differ in everything else are not taken for one.
    """

    name: str
    unknown: str
    levels: tuple[Level, ...]
    shared: float
    most_different: float = 0.6
    chance: float = 1.0

    def sql(self) -> str:
        """The number of the level, -1 where nothing is compared."""
        tested = " ".join(
            f"when {level.holds} then {number}" for number, level in enumerate(self.levels[:-1])
        )
        return f"case when {self.unknown} then -1 {tested} else {len(self.levels) - 1} end"


ELSE = "true"


def _missing(*columns: str) -> str:
    return " or ".join(f"l_{column} is null or r_{column} is null" for column in columns)


def _present(column: str) -> str:
    return f"l_{column} is not null and r_{column} is not null"


def _close(column: str, likeness: float = 0.92, typos: int = 1) -> str:
    """Equal but for a few typos. The cheap measure first: most pairs are not alike at all."""
    left, right = f"l_{column}", f"r_{column}"
    return (
        f"jaro_winkler_similarity({left}, {right}) >= {likeness}"
        f" or (jaro_winkler_similarity({left}, {right}) >= 0.7"
        f" and least(length({left}), length({right})) >= 3"
        f" and damerau_levenshtein({left}, {right}) <= {typos})"
    )


def _scrambled(column: str) -> str:
    left, right = f"l_{column}", f"r_{column}"
    return (
        f"least(length({left}), length({right})) >= 4"
        f" and jaro_similarity({left}_letters, {right}_letters) >= 0.8"
        f" and (levenshtein({left}_letters, {right}_letters) <= 1"
        f" or damerau_levenshtein({left}, {right}) <= 2)"
    )


def _name(column: str, root: str, shared: float, chance: float = 1.0) -> Comparison:
    """A part of a name; the two parts of the right record may have been exchanged before."""
    left, right = f"l_{column}", f"r_{column}"
    return Comparison(
        column,
        _missing(column),
        (
            Level(f"{left} = {right} and not crossed", 0.80, 5e-3, column),
            Level(f"{left} = {right}", 0.05, 5e-4),
            Level(root, 0.03, 1e-3),
            Level(_close(column), 0.06, 2e-3),
            Level(_scrambled(column), 0.02, 6e-3),
            Level(
                f"least(length({left}), length({right})) = 1 and {left}[1] = {right}[1]", 0.01, 1e-3
            ),
            Level(ELSE, 0.03, 0.98),
        ),
        shared,
        most_different=0.12,
        chance=chance,
    )


SAME_YEAR = "l_birth[1:4] = r_birth[1:4]"
DAYS_APART = "abs(date_diff('day', try_cast(l_birth as date), try_cast(r_birth as date)))"
STREETS = "replace(l_street, ' ', ''), replace(r_street, ' ', '')"
SAME_STREET = "replace(l_street, ' ', '') = replace(r_street, ' ', '')"

# `shared` says what relatives, flatmates and colleagues have in common. Few share a full name
# (a father and his son) or a birth date (twins): parents choose another name for each child. Their
# e-mail addresses are their own.
COMPARISONS = (
    _name("given", "l_given_root = r_given_root", shared=0.001, chance=0.03),
    _name("surname", "false", shared=0.75),
    Comparison(
        "birth",
        _missing("birth"),
        (
            Level("l_birth = r_birth", 0.85, 5e-5),
            Level(
                f"{SAME_YEAR} and l_birth[6:7] = r_birth[9:10] and l_birth[9:10] = r_birth[6:7]",
                0.01,
                1e-5,
            ),
            Level(
                "jaro_similarity(l_birth, r_birth) >= 0.9"
                " and damerau_levenshtein(l_birth, r_birth) <= 1",
                0.05,
                1e-3,
            ),
            Level("l_birth[6:] = r_birth[6:] or l_birth[:7] = r_birth[:7]", 0.03, 3e-3),
            Level(f"{DAYS_APART} <= 100", 0.01, 5e-3),
            Level(SAME_YEAR, 0.01, 7e-3),
            Level(ELSE, 0.04, 0.98),
        ),
        shared=0.015,
        most_different=0.12,
    ),
    Comparison(
        "email",
        f"({_missing('mail')}) and ({_missing('number')})",
        (
            Level("l_mail = r_mail", 0.40, 2e-4, "mail"),
            Level(f"({_present('mail')}) and ({_close('email', 0.94, 2)})", 0.05, 1e-5),
            Level(_close("mail", 0.95, 2), 0.05, 1e-4),
            Level("l_number = r_number", 0.10, 1e-2, "number"),
            Level(ELSE, 0.40, 0.98),
        ),
        shared=0.0,
    ),
    Comparison(
        "phone",
        _missing("phone"),
        (
            Level("l_phone = r_phone", 0.60, 1e-4, "phone"),
            Level("damerau_levenshtein(l_phone, r_phone) <= 1", 0.05, 1e-4),
            Level(ELSE, 0.35, 0.99),
        ),
        shared=0.5,
    ),
    Comparison(
        "postal",
        _missing("postal"),
        (
            Level("l_postal = r_postal", 0.80, 2e-3, "postal"),
            Level("damerau_levenshtein(l_postal, r_postal) <= 1", 0.08, 1e-2),
            Level(ELSE, 0.12, 0.98),
        ),
        shared=1.0,
    ),
    Comparison(
        "street",
        _missing("street"),
        (
            Level(f"{SAME_STREET} and l_house = r_house", 0.60, 1e-4),
            Level(SAME_STREET, 0.10, 1e-3),
            Level(
                f"jaro_winkler_similarity({STREETS}) >= 0.9"
                f" or (jaro_winkler_similarity({STREETS}) >= 0.8"
                f" and damerau_levenshtein({STREETS}) <= 2)",
                0.10,
                1e-3,
            ),
            Level("l_house = r_house", 0.05, 1e-2),
            Level(ELSE, 0.15, 0.97),
        ),
        shared=1.0,
    ),
    Comparison(
        "city",
        _missing("city"),
        (
            Level("l_city = r_city", 0.80, 2e-2, "city"),
            Level(f"{_close('city', 0.9, 2)} or {_scrambled('city')}", 0.08, 2e-3),
            Level(ELSE, 0.12, 0.97),
        ),
        shared=1.0,
    ),
    Comparison(
        "region",
        _missing("region"),
        (Level("l_region = r_region", 0.90, 0.15), Level(ELSE, 0.10, 0.85)),
        shared=1.0,
    ),
    Comparison(
        "country",
        _missing("country"),
        (Level("l_country = r_country", 0.95, 0.4), Level(ELSE, 0.05, 0.6)),
        shared=1.0,
    ),
    Comparison(
        "company",
        _missing("company"),
        (
            Level("l_company = r_company", 0.70, 5e-3, "company"),
            Level(_close("company", 0.9, 2), 0.10, 1e-3),
            Level(ELSE, 0.20, 0.99),
        ),
        shared=0.5,
    ),
)  # fmt: skip
"""The fields, in the order of `identity.matches.evidence`."""

NAMES = tuple(comparison.name for comparison in COMPARISONS)

_STRAIGHT = (
    "coalesce(jaro_winkler_similarity(l.given, r.given), 0)"
    " + coalesce(jaro_winkler_similarity(l.surname, r.surname), 0)"
)
_ACROSS = (
    "coalesce(jaro_winkler_similarity(l.given, r.surname), 0)"
    " + coalesce(jaro_winkler_similarity(l.surname, r.given), 0)"
)
_CROSSED_NAMES = {
    "given": "surname",
    "surname": "given",
    "given_letters": "surname_letters",
    "surname_letters": "given_letters",
}


def compared(pairs: str, records: str, more: str = "true") -> str:
    """The query of the level of each comparison, a row per pair (`a`, `b`) of a table of pairs."""
    columns = [*TEXTS, *(f"{column}_letters" for column in LETTERS)]
    aligned = ", ".join(
        f"l.{column} as l_{column}, "
        + (
            f"case when {_ACROSS} > {_STRAIGHT} + 0.3 then r.{_CROSSED_NAMES[column]}"
            f" else r.{column} end as r_{column}"
            if column in _CROSSED_NAMES
            else f"r.{column} as r_{column}"
        )
        for column in columns
    )
    frequencies = ", ".join(
        f"greatest(l.frequency_{column}, r.frequency_{column}) as frequency_{column}"
        for column in WEIGHED
    )
    levels = ", ".join(f"({comparison.sql()}) as {comparison.name}" for comparison in COMPARISONS)
    kept = ", ".join(f"frequency_{column}" for column in WEIGHED)
    return f"""
    select a, b, is_joined, {levels}, {kept}
    from (
        select
            pairs.a, pairs.b, {_ACROSS} > {_STRAIGHT} + 0.3 as crossed, {aligned}, {frequencies},
            list_has_any(l.emails, r.emails) or list_has_any(l.accounts, r.accounts) as is_joined
        from {pairs} as pairs
        inner join {records} as l on pairs.a = l.profile_key
        inner join {records} as r on pairs.b = r.profile_key
        where {more}
    ) as aligned
    """  # noqa: S608 - the names of our own columns
