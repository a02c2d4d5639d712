"""Review of probable matches: two records side by side, and who said what about them.

>>> verdict("Mara", "MARA", 4.2), verdict("Mara", "Mira", -1.5), verdict("Mara", None, None)
('equal', 'different', 'missing')
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from rapport.identity.matching import answers, review
from rapport.identity.matching.answers import Answer
from rapport.identity.matching.comparisons import NAMES
from rapport.identity.matching.review import Pair, Undecided
from rapport.pages.access import Reader, is_sealed, must, seal, subject_of
from rapport.pages.database import Connection
from rapport.pages.request import desk, look_at_ledgers, reader, refuse_other_sites, show

PAGE = 20
LATEST = 20
LONGEST = 300
MOST_BITS = 16.0
COMPARED = {
    "full_name": ("given", "surname"),
    "birth_date": ("birth",),
    "postal_code": ("postal",),
    "company_name": ("company",),
}
"""The comparisons of each value that is shown, where they have other names than the value."""
BACK = "back"
SEES = "this login has no permission to see contact details"
ANSWERS = "answering needs permission to see contact details and to trigger activate_segments"

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Row:
    """A field of both records: how alike the values are, and what that speaks for the pair."""

    name: str
    a: str
    b: str
    verdict: str
    bits: float | None

    @property
    def bar(self) -> tuple[float, float]:
        """Where the bar begins and how long it is, in percent; the middle is no evidence."""
        half = 50 * min(abs(self.bits or 0.0), MOST_BITS) / MOST_BITS
        return (50.0, half) if (self.bits or 0) > 0 else (50 - half, half)


@router.get("/review")
def waiting(
    request: Request,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    said: str | None = None,
) -> Response:
    """The pairs that wait, the most probable first, and the newest answers."""
    who = reader(request)
    must(who.sees_contacts, SEES)
    with look_at_ledgers(request) as connection:
        most = desk(request).rules.matching.review_rows
        pairs = review.undecided(connection, most, offset=(page - 1) * PAGE, rows=PAGE)
        decided = answers.latest(connection, LATEST)
        people = _people(connection, decided)
    if not pairs and page > 1:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/review", 303)
    seen = [one.pair.customer_a for one in pairs] + [one.pair.customer_b for one in pairs]
    seen += [customer for _, customer in people.values() if customer]
    if seen:
        desk(request).warehouse.note(who, "review", list(dict.fromkeys(seen)))
    secret = desk(request).secret()
    return show(
        request, "review.html", page=page, total=pairs[0].total if pairs else 0,
        pages=-(-pairs[0].total // PAGE) if pairs else 1,
        pairs=[
            (one.pair, rows_of(one), seal(secret, who, _of_pair(one.pair))) for one in pairs
        ],
        decided=[(answer, seal(secret, who, _of_answer(answer))) for answer in decided],
        people=people, said=said if said in (*answers.WORDS, BACK) else None,
    )  # fmt: skip


def rows_of(one: Undecided) -> list[Row]:
    """The fields that at least one record has."""
    bits = dict(zip(NAMES, one.pair.evidence or [], strict=False))
    rows = []
    for name, a, b in zip(review.SHOWN, one.values_a, one.values_b, strict=True):
        spoken = [bits.get(compared) for compared in COMPARED.get(name, (name,))]
        known = [value for value in spoken if value is not None]
        total = sum(known) if known else None
        if a or b:
            rows.append(Row(name, _short(a), _short(b), verdict(a, b, total), total))
    return rows


def verdict(a: str | None, b: str | None, bits: float | None) -> str:
    """How alike two values are: equal, similar, different, or one is missing."""
    if not a or not b:
        return "missing"
    if " ".join(a.casefold().split()) == " ".join(b.casefold().split()):
        return "equal"
    return "similar" if bits is not None and bits > 0 else "different"


@router.post("/review")
def answer(
    request: Request,
    word: Annotated[str, Form()] = "",
    profile_a: Annotated[str, Form()] = "",
    profile_b: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
    page: Annotated[int, Form(ge=1, le=10_000)] = 1,
) -> Response:
    """Keep the answer about a pair, or take one back; of what was seen, nothing else."""
    who = reader(request)
    must(who.may_review, ANSWERS)
    refuse_other_sites(request)
    if word not in (*answers.WORDS, BACK):
        raise HTTPException(422, f"word: expected {', '.join(answers.WORDS)} or {BACK}")
    secret = desk(request).secret()
    with desk(request).warehouse.write() as connection:
        known = answers.of(connection, profile_a, profile_b)
        if word == BACK:
            _take_back(connection, known, who, secret, token)
        elif known is None or (known.answer, known.reviewed_by) != (word, who.name):
            pair = review.waiting(connection, profile_a, profile_b)
            if pair is None or not is_sealed(secret, who, _of_pair(pair), token):
                raise _changed(known, who)
            if not answers.store(connection, profile_a, profile_b, word, by=who.name):
                raise _changed(answers.of(connection, profile_a, profile_b), who)
    shown = f"&page={page}" if page > 1 else ""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/review?said={word}{shown}", 303)


def _take_back(
    connection: Connection, known: Answer | None, who: Reader, secret: bytes, token: str
) -> None:
    if known is not None and known.is_used:
        raise HTTPException(
            409,
            "a run has applied this answer. To reverse it, add the pair to the other one of the "
            "seeds identity_must_link.csv and identity_cannot_link.csv.",
        )
    if known is None or not is_sealed(secret, who, _of_answer(known), token):
        raise _changed(known, who)
    if not answers.take_back(connection, known):
        raise _changed(None, who)


def _changed(known: Answer | None, who: Reader) -> HTTPException:
    if known is not None and known.reviewed_by != who.name:
        return HTTPException(
            409, f"{known.reviewed_by} has answered this pair in the meantime. Reload the page."
        )
    return HTTPException(409, "the pair has changed, or the form has expired. Reload the page.")


def _of_pair(pair: Pair) -> str:
    """What an answer is about: the pair as the run scored it, and who postponed it.

    A run scores a pair again when a record changes.
    """
    seen = [pair.profile_a, pair.profile_b, pair.run_id, pair.reviewed_by, pair.reviewed_at]
    return subject_of("review", seen)


def _of_answer(known: Answer) -> str:
    return subject_of("take back", known[:5])


def _people(
    connection: Connection, decided: Iterable[Answer]
) -> dict[str, tuple[str | None, str | None]]:
    """The name and the customer of each profile that an answer is about and that still exists."""
    profiles = sorted({profile for one in decided for profile in one[:2]})
    if not profiles:
        return {}
    rows = connection.execute(PEOPLE, [profiles]).fetchall()
    return {profile: (_short(name), customer) for profile, name, customer in rows}


def _short(value: Any) -> str:
    text = value or ""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


PEOPLE = f"""
select profiles.profile_id, {review.name_of("contacts")}, members.customer_id
from identity.profiles
left join identity.members using (profile_key)
left join intermediate.int_contacts_unioned as contacts
    on contacts.profile_id = profiles.profile_id
where profiles.profile_id = any(%s)
"""  # noqa: S608 - the names of our own columns
