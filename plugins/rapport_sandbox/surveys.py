"""Events in the invented survey tool: answers to the three forms.

>>> response_number(token(1234567))
1234567
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapport_sandbox.catalogue import BLAME, FORMS, PRAISE, Form
from rapport_sandbox.clock import MINUTE, SECOND, seconds_iso
from rapport_sandbox.store import Json

if TYPE_CHECKING:
    from rapport_sandbox.life import Life

_ODD = 0x9E3779B97F4A7C15
_BACK = pow(_ODD, -1, 1 << 64)


def token(number: int) -> str:
    """The token of a response. It looks random, but the number can be computed from it."""
    return f"{number * _ODD % (1 << 64):016x}"


def response_number(token: str) -> int:
    """The number of a token; raises ValueError if it is not a token."""
    return int(token, 16) * _BACK % (1 << 64)


def _survey(life: Life, moment: int, data: Json) -> None:
    """Somebody answers a form. Most answers have a hidden field with an id, some have none."""
    person = life.person
    form_id, form = data["form"], FORMS[data["form"]]
    number = person.number * 128 + life.count("answers") % 128
    mark = token(number)
    anonymous = life.chance(0.025)
    hidden: Json = {}
    if not anonymous:
        if person.kind == "account" and life.chance(0.8):
            hidden["user_id"] = person.user_id
        if not hidden or life.chance(0.5):
            hidden["email"] = life.spelling(life.email())
        if "ticket" in data:
            hidden["ticket_id"] = str(data["ticket"])
    body = {
        "landing_id": mark,
        "token": mark,
        "response_id": mark,
        "response_type": "completed",
        "landed_at": seconds_iso(moment - 3 * MINUTE),
        "submitted_at": seconds_iso(moment),
        "metadata": {
            "user_agent": "Mozilla/5.0",
            "platform": life.dice.choice(("mobile", "other")),
            "referer": f"https://lindenquell.typeform.example/to/{form_id}",
            "network_id": mark[:10],
            "browser": "default",
        },
        "hidden": hidden,
        "calculated": {"score": 0},
        "variables": [],
        "answers": _answers(life, form, anonymous),
        "form_id": form_id,
    }
    life.batch.put("typeform_responses", number, body, moment // SECOND * SECOND)
    life.truth(f"typeform:respondents:{mark}", "anonymous" if anonymous else "exact")
    if form.ref == "nps":
        life.later(moment + life.wait(90), "survey", {"form": form_id})


def _answers(life: Life, form: Form, anonymous: bool) -> list[Json]:
    mood, span = life.person.mood, form.highest - form.lowest
    score = round(form.lowest + span * (mood + 0.08) + life.dice.gauss(0, span * 0.16))
    score = min(form.highest, max(form.lowest, score))
    answers = []
    if life.chance(0.98):  # an unanswered question is absent
        answers.append(_answer(f"{form.ref}_score", form.kind, "number", score))
    if life.chance(0.55):
        words = BLAME if score < form.lowest + 0.65 * span else PRAISE
        comment = life.dice.choice(words[life.person.language].split("|"))
        answers.append(_answer(f"{form.ref}_reason", "long_text", "text", comment))
    if not anonymous and life.chance(0.2):
        email = "test@test.com" if life.chance(0.04) else life.spelling(life.email())
        answers.append(_answer("contact_email", "email", "email", email))
    return answers


def _answer(ref: str, kind: str, name: str, value: Any) -> Json:
    field = {"id": f"f_{ref}", "type": kind, "ref": ref}
    return {"field": field, "type": name, name: value}


HANDLERS = {"survey": _survey}
