"""The best channel and the best hour (company's time zone) to reach each customer.

A sign of activity is a visit, an order, a survey response, a conversation or an opened message.
The hour is the one with the most signs around it. Neighbouring hours count half, and the average
day of all customers is added as a prior of a few signs. The baseline is one hour and one channel
for all customers: those with the most signs.

>>> contact_time.run(connection, as_of, "Europe/Berlin")  # doctest: +SKIP
{'customers': 640, 'hours': 410, 'channels': 380}
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions.backtest import Backtest, Figure, standard_error
from rapport.predictions.errors import TooFew
from rapport.predictions.store import Connection, Standing, read, refit, replace

Floats = NDArray[np.float64]

MODEL, VERSION = "contact_time", "1"
SENDABLE = ("email", "sms", "push", "in_app", "chat", "phone", "whatsapp")
MIN_SIGNS = {"hour": 5, "channel": 2}
MIN_TESTED = 50
PRIOR = 3.0
LOOKBACK = timedelta(days=365)

SIGNS = """
with signs as (
    select
        customer_id,
        kind,
        channel,
        extract(hour from occurred_at at time zone %(zone)s)::integer as hour
    from build.fct_touchpoints
    where
        occurred_at > %(since)s and occurred_at <= %(until)s
        and (
            kind in ('web_session', 'conversation', 'survey_response')
            or (kind = 'order' and status <> 'refunded')
            or (kind = 'message' and status in ('opened', 'clicked'))
        )
)
"""
HOURS = (
    SIGNS
    + """
select customer_id, hour, count(*) as signs from signs group by customer_id, hour
order by customer_id, hour
"""
)
CHANNELS = (
    SIGNS
    + """
select customer_id, channel, count(*) as signs from signs
where kind in ('conversation', 'message') and channel = any(%(sendable)s)
group by customer_id, channel
order by customer_id, channel
"""
)


def run(connection: Connection, as_of: datetime, zone: str) -> dict[str, Any]:
    """Backtest where due, and score the hour and channel of every customer; returns counts.

    `zone` is the name of the company's time zone.
    """
    frames = {}
    for scope, signs, predict in (
        ("hour", _hours, best_hours),
        ("channel", _channels, best_channels),
    ):
        rows = signs(connection, as_of - LOOKBACK, as_of, zone)
        events = int(rows["signs"].sum())

        def fit(signs: Any = signs, predict: Any = predict) -> tuple[dict[str, Any], Backtest]:
            at = as_of - timedelta(days=30)
            before = signs(connection, at - LOOKBACK, at, zone)
            return {}, judge(before, signs(connection, at, as_of, zone), predict)

        standing = refit(
            connection, MODEL, scope, as_of=as_of, events=events, version=VERSION, fit=fit
        )
        frames[scope] = _score(rows, predict, standing, scope)
    joined = frames["hour"].join(frames["channel"], how="outer")
    frame = joined.rename_axis("customer_id").reset_index()
    for name in ("hour_events", "channel_events", "hour"):
        frame[name] = frame[name].astype("Int64")
    frame[["hour_events", "channel_events"]] = frame[["hour_events", "channel_events"]].fillna(0)
    replace(connection, "contact_scores", frame)
    return {
        "customers": len(frame),
        "hours": int(frame["hour"].notna().sum()),
        "channels": int(frame["channel"].notna().sum()),
    }


def _hours(connection: Connection, since: datetime, until: datetime, zone: str) -> pd.DataFrame:
    return read(connection, HOURS, since=since, until=until, zone=zone)


def _channels(connection: Connection, since: datetime, until: datetime, zone: str) -> pd.DataFrame:
    values = {"since": since, "until": until, "zone": zone, "sendable": list(SENDABLE)}
    return read(connection, CHANNELS, **values)


def _score(rows: pd.DataFrame, predict: Any, standing: Standing, scope: str) -> pd.DataFrame:
    """By customer: the number of signs, and the prediction if there are enough of them."""
    events = rows.groupby("customer_id")["signs"].sum()
    best = predict(rows)
    if not standing.is_usable:
        best = best.where(pd.Series(False, index=best.index))
    best = best.where(events >= MIN_SIGNS[scope])
    return pd.DataFrame({scope: best, f"{scope}_events": events})


def best_hours(rows: pd.DataFrame) -> "pd.Series[Any]":
    """The hour (0-23) with the most signs around it, by customer."""
    who, customers = pd.factorize(rows["customer_id"])
    counts = np.zeros((len(customers), 24), np.float32)
    np.add.at(counts, (who, rows["hour"].to_numpy(int)), rows["signs"].to_numpy())
    day = counts.sum(axis=0)
    counts += (PRIOR * day / max(float(day.sum()), 1.0)).astype(np.float32)
    around = counts + 0.5 * (np.roll(counts, 1, axis=1) + np.roll(counts, -1, axis=1))
    return pd.Series(around.argmax(axis=1), index=customers, name="hour", dtype="Int64")


def best_channels(rows: pd.DataFrame) -> "pd.Series[Any]":
    """The channel with the most signs, by customer. Ties go to the more common channel."""
    totals = rows.groupby("channel")["signs"].sum()
    order = rows.assign(total=rows["channel"].map(totals)).sort_values(
        ["customer_id", "signs", "total", "channel"], ascending=[True, False, False, True]
    )
    return order.drop_duplicates("customer_id").set_index("customer_id")["channel"]


def judge(before: pd.DataFrame, after: pd.DataFrame, predict: Any) -> Backtest:
    """Backtest: the share of later signs in the predicted channel, or within an hour of the hour.

    Only customers with enough signs before are tested.
    """
    what = "hour" if "hour" in before else "channel"
    events = before.groupby("customer_id")["signs"].sum()
    enough = events.index[events >= MIN_SIGNS[what]]
    tested = after[after["customer_id"].isin(enough)]
    signs = tested["signs"].to_numpy(float)
    if signs.sum() < MIN_TESTED:
        raise TooFew(f"{int(signs.sum())} later signs; at least {MIN_TESTED} are needed.")
    everybody = before.assign(customer_id="everybody").groupby(
        ["customer_id", what], as_index=False
    )
    plain = predict(everybody["signs"].sum()).iloc[0]
    expected = tested["customer_id"].map(predict(before))
    metric = "share_within_an_hour" if what == "hour" else "share_on_the_channel"
    ours, theirs = (_near(tested[what], guess) for guess in (expected, plain))
    share, rule = (float(signs @ near / signs.sum()) for near in (ours, theirs))
    noise = standard_error(ours - theirs, signs)
    return Backtest(
        [Figure(metric, share, rule, 1, noise), Figure("later_signs", float(signs.sum()))]
    )


def _near(seen: "pd.Series[Any]", expected: Any) -> Floats:
    if seen.name == "channel":
        return np.asarray(seen == expected, float)
    apart = (seen - expected).abs() % 24
    return np.asarray(np.minimum(apart, 24 - apart) <= 1, float)
