"""Replies, feelings and letters against pandas on what the crowd was landed with."""

import numpy as np
import pandas as pd
import pytest
from vaderSentiment.vaderSentiment import (  # type: ignore[import-untyped]
    SentimentIntensityAnalyzer,
)

from .conftest import Connection, read
from .crowd import AGENT, AS_OF, ZONE
from .hours import open_minutes
from .talk import COMMENTS, EVENTS


def parts(crowd: Connection) -> pd.DataFrame:
    """Every comment, from the records as they were landed."""
    records = read(crowd, "select payload from raw.zendesk__ticket_events").payload
    found = pd.DataFrame(
        {
            "ticket": str(record["ticket_id"]),
            "at": pd.Timestamp(record["created_at"]),
            **record["child_events"][1],
        }
        for record in records
    )
    found["day"] = found["at"].dt.tz_convert(ZONE).dt.date
    return found[found["at"] <= AS_OF].sort_values(["ticket", "at"])


def test_next_replies_equal_pandas(crowd: Connection) -> None:
    said = parts(crowd).query("public")
    talks = read(crowd, "select * from build.fct_conversations").set_index("conversation_id")
    waits = []
    for ticket, lines in said.groupby("ticket"):
        spoken = list(zip(lines["at"], lines.author_id == AGENT, lines.day, strict=True))
        for place, (at, by_agent, day) in enumerate(spoken):
            if place == 0 or by_agent or not spoken[place - 1][1]:
                continue
            answers = [later for later, is_agent, _ in spoken[place + 1 :] if is_agent]
            talk = talks.loc[ticket]
            minutes, business = np.nan, np.nan
            if answers:
                minutes = (answers[0] - at).total_seconds() / 60
                business = open_minutes(talk.schedule, at, answers[0])
            waits.append((day, minutes, business, not answers and talk.is_open))
    expected = pd.DataFrame(waits, columns=["day", "minutes", "business", "waiting"])
    by_day = expected.groupby("day")
    ours = read(crowd, "select * from build.mart_next_replies_daily order by metric_date")
    assert ours.metric_date.tolist() == list(by_day.groups)
    assert len(ours) > 30
    assert ours.follow_ups.tolist() == by_day.size().tolist()
    assert ours.answered.tolist() == by_day.minutes.count().tolist()
    assert ours.waiting.tolist() == by_day.waiting.sum().tolist()
    assert ours.waiting.sum() > 0 and (ours.answered < ours.follow_ups).any()
    for column, figures in (
        ("next_reply_minutes_median", by_day.minutes.quantile(0.5)),
        ("next_reply_minutes_p90", by_day.minutes.quantile(0.9)),
        ("next_reply_business_minutes_median", by_day.business.quantile(0.5)),
    ):
        found = ours[column].astype(float).to_numpy()
        assert np.allclose(found, figures.to_numpy(), atol=0.0101, equal_nan=True), column


def test_sentiment_equals_pandas(crowd: Connection) -> None:
    known = pd.DataFrame(COMMENTS, columns=["body", "language", "feeling", "is_idea"])
    lexicon = SentimentIntensityAnalyzer()
    known["compound"] = [
        lexicon.polarity_scores(body)["compound"] if pd.notna(feeling) else np.nan
        for body, feeling in zip(known.body, known.feeling, strict=True)
    ]
    said = parts(crowd).query("public and author_id != @AGENT").merge(known, on="body")
    said["language"] = said.language.fillna("unknown")
    by_day = said.groupby(["day", "language"])
    ours = read(crowd, "select * from build.mart_sentiment_daily order by comment_date, language")
    assert set(ours.kind) == {"conversation"}
    assert list(zip(ours.comment_date, ours.language, strict=True)) == list(by_day.groups)
    assert ours.comments.tolist() == by_day.size().tolist()
    assert ours.ideas.tolist() == by_day.is_idea.sum().tolist()
    for feeling in ("positive", "negative"):
        counted = (said.feeling == feeling).groupby([said.day, said.language]).sum()
        assert ours[feeling].tolist() == counted.tolist()
        assert counted.sum() > 20
    untold = said.feeling.isna().groupby([said.day, said.language]).sum()
    assert ours.abstained.tolist() == untold.tolist()
    assert ours.neutral.sum() == 0
    found = ours.average_sentiment.astype(float)
    assert np.allclose(found, by_day.compound.mean(), atol=0.00006, equal_nan=True)


def test_message_engagement_equals_pandas(crowd: Connection) -> None:
    records = read(crowd, "select payload from raw.files__newsletter_events").payload
    events = pd.DataFrame(records.tolist())
    events["at"] = pd.to_datetime(events.occurred_at, utc=True)
    events = events[events["at"] <= AS_OF]
    events["campaign"] = events.campaign.replace("", "(none)")
    events["what"] = events.event.map(EVENTS)
    messages = events.groupby("message_id").agg(at=("at", "min"), campaign=("campaign", "first"))
    messages["day"] = messages["at"].dt.tz_convert(ZONE).dt.date
    outcomes = sorted({what for what in EVENTS.values() if what})
    for outcome in outcomes:
        happened = set(events[events.what == outcome].message_id)
        messages[outcome] = messages.index.isin(happened)
    by_day = messages.groupby(["day", "campaign"])
    ours = read(
        crowd, "select * from build.mart_message_engagement_daily order by sent_date, campaign"
    )
    assert set(ours.source) == {"files"} and set(ours.channel) == {"email"}
    assert list(zip(ours.sent_date, ours.campaign, strict=True)) == list(by_day.groups)
    assert ours.messages.tolist() == by_day.size().tolist()
    for outcome in outcomes:
        assert ours[outcome].tolist() == by_day[outcome].sum().tolist(), outcome
        assert ours[outcome].sum() > 0, outcome
    for rate, part, whole in (
        ("delivery_rate", ours.delivered, ours.messages),
        ("open_rate", ours.opened, ours.delivered),
        ("click_rate", ours.clicked, ours.delivered),
        ("unsubscribe_rate", ours.unsubscribed, ours.delivered),
    ):
        expected = (part / whole.where(whole > 0)).to_numpy(float)
        assert np.allclose(ours[rate].astype(float), expected, atol=1e-6, equal_nan=True), rate


@pytest.mark.parametrize("purpose", ["marketing", "feedback"])
def test_who_unsubscribed_by_a_letter_or_complained_is_written_to_no_more(
    crowd: Connection, purpose: str
) -> None:
    out = read(
        crowd,
        "select distinct payload ->> 'customer_id' as customer_id from raw.files__newsletter_events"
        " where payload ->> 'event' in ('unsubscribe', 'group_unsubscribe', 'spamreport')",
    ).customer_id
    refused = read(
        crowd,
        "select customer_id from build.dim_consents"
        f" where channel = 'email' and purpose = '{purpose}' and not is_granted",
    ).customer_id
    assert len(out) > 50
    assert set(out) <= set(refused)
