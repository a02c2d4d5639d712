"""Personas: a few kinds of customers, named by the trait that stands out.

Each trait is a score from 0 to 1: where the customer stands among those who have any of it, on
breakpoints that stay as they are until the next fit. The persona is the highest trait, and it
stays until another is higher by a clear margin, so that nobody changes sides by a hair.

>>> sorted(PERSONAS)[:2]
['big_spender', 'help_seeker']
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions.errors import TooFew
from rapport.predictions.quality import Backtest, Figure, standard_error
from rapport.predictions.store import Connection, read, refit, replace

Floats = NDArray[np.float64]

MODEL, VERSION, SCOPE = "personas", "1", "all"
PERSONAS = (
    "regular_buyer", "big_spender", "help_seeker", "window_shopper", "newcomer", "quiet",
)  # fmt: skip
MARGIN = 0.15
STANDS_OUT = 0.5
LEAST_CUSTOMERS = 200
RANKED = ("orders_180d", "order_value_180d", "visits_90d", "conversations_180d")
LATER = ("orders_later", "visits_later", "conversations_later")
NEW_DAYS, QUIET_AFTER, QUIET_FULLY = 30.0, 30.0, 120.0

TRAITS = """
with touched as (
    select
        customer_id,
        count(*) filter (
            where kind = 'order' and status = 'paid'
            and occurred_at > %(at)s - interval '180 days'
        ) as orders_180d,
        count(*) filter (
            where kind = 'web_session' and occurred_at > %(at)s - interval '90 days'
        ) as visits_90d,
        count(*) filter (
            where kind = 'conversation' and occurred_at > %(at)s - interval '180 days'
        ) as conversations_180d,
        extract(epoch from %(at)s - min(occurred_at)) / 86400 as tenure_days,
        extract(epoch from %(at)s - max(occurred_at)) / 86400 as quiet_days
    from build.fct_touchpoints
    where
        occurred_at > timestamptz '1990-01-01T00:00:00Z' and occurred_at <= %(at)s
        and kind <> 'message'
    group by customer_id
),

spent as (
    select customer_id, (sum(amount) / count(*))::double precision as order_value_180d
    from build.fct_orders
    where
        status = 'paid' and currency = %(currency)s
        and ordered_at > %(at)s - interval '180 days' and ordered_at <= %(at)s
    group by customer_id
),

later as (
    select
        customer_id,
        count(*) filter (where kind = 'order') as orders_later,
        count(*) filter (where kind = 'web_session') as visits_later,
        count(*) filter (where kind = 'conversation') as conversations_later
    from build.fct_touchpoints
    where
        occurred_at > %(at)s and occurred_at <= %(later)s
        and not (kind = 'order' and status <> 'paid')
    group by customer_id
)

select
    touched.*,
    coalesce(spent.order_value_180d, 0) as order_value_180d,
    coalesce(later.orders_later, 0) as orders_later,
    coalesce(later.visits_later, 0) as visits_later,
    coalesce(later.conversations_later, 0) as conversations_later
from touched
inner join build.dim_customers using (customer_id)
left join spent using (customer_id)
left join later using (customer_id)
order by touched.customer_id
"""

# What held before tonight, however often tonight is run, and whatever a later night said.
KNOWN = """
select customer_id, persona, since
from predictions.persona_stays
where since < %(as_of)s and (until is null or until >= %(as_of)s)
"""
TAKE_BACK = "delete from predictions.persona_stays where since >= %(as_of)s"
REOPEN = "update predictions.persona_stays set until = null where until >= %(as_of)s"
CLOSE = """
update predictions.persona_stays as stay
set until = %(as_of)s
where
    until is null
    and not exists (
        select from predictions.personas
        where personas.customer_id = stay.customer_id and personas.persona = stay.persona
    )
"""
OPEN = """
insert into predictions.persona_stays (customer_id, persona, since)
select customer_id, persona, since
from predictions.personas
where not exists (
    select from predictions.persona_stays as stay
    where stay.customer_id = personas.customer_id and stay.until is null
)
"""


def run(connection: Connection, as_of: datetime, currency: str) -> dict[str, Any]:
    """Give everybody a persona; who has one keeps it unless another is clearly nearer."""
    tonight = traits(connection, as_of, as_of, currency)

    def fit() -> tuple[dict[str, Any], Backtest]:
        at = as_of - timedelta(days=30)
        return estimate(tonight), judge(traits(connection, at, as_of, currency), tonight)

    standing = refit(
        connection, MODEL, SCOPE, as_of=as_of, events=len(tonight), version=VERSION, fit=fit
    )
    if not standing.speaks or standing.parameters is None:
        connection.execute("delete from predictions.personas")
        remember(connection, as_of)
        return {"customers": 0, "changed": 0}
    before = read(connection, KNOWN, as_of=as_of)
    known = tonight[["customer_id"]].merge(before, on="customer_id", how="left")
    scores = score(tonight, standing.parameters)
    chosen = choose(scores, known["persona"])
    stays = (known["persona"] == chosen).to_numpy()
    since = known["since"].where(stays, as_of.isoformat())
    names = pd.Series([_outstanding(row) for row in scores])
    frame = pd.DataFrame(
        {
            "customer_id": tonight["customer_id"],
            "persona": chosen,
            "traits": names,
            "since": since,
        }
    )
    replace(connection, "personas", frame)
    remember(connection, as_of)
    return {"customers": len(frame), "changed": int((~stays & known["persona"].notna()).sum())}


def remember(connection: Connection, as_of: datetime) -> None:
    """Open and close stays as tonight's personas say; what an earlier try of tonight said goes."""
    for statement in (TAKE_BACK, REOPEN, CLOSE, OPEN):
        connection.execute(statement, {"as_of": as_of})


def traits(connection: Connection, at: datetime, later: datetime, currency: str) -> pd.DataFrame:
    """What is known of everybody at a moment, and the orders between it and `later`."""
    return read(connection, TRAITS, at=at, later=later, currency=currency)


def estimate(frame: pd.DataFrame) -> dict[str, Any]:
    """The breakpoints of each trait among those who have any of it; raises `TooFew`."""
    if len(frame) < LEAST_CUSTOMERS:
        raise TooFew(f"{len(frame)} customers: {LEAST_CUSTOMERS} are needed")
    steps = np.linspace(0, 1, 21)
    result = {}
    for name in RANKED:
        some = frame.loc[frame[name] > 0, name].to_numpy(float)
        result[name] = np.quantile(some, steps).tolist() if len(some) else []
    return result


def score(frame: pd.DataFrame, breakpoints: dict[str, Any]) -> Floats:
    """The traits of each customer from 0 to 1, one column a persona."""
    rank = {name: _rank(frame[name].to_numpy(float), breakpoints[name]) for name in RANKED}
    orders, tenure = frame["orders_180d"].to_numpy(), frame["tenure_days"].to_numpy(float)
    gone = (frame["quiet_days"].to_numpy(float) - QUIET_AFTER) / (QUIET_FULLY - QUIET_AFTER)
    return np.column_stack(
        [
            np.where(orders >= 2, rank["orders_180d"], 0),
            np.where(orders >= 1, rank["order_value_180d"], 0),
            rank["conversations_180d"],
            np.where(orders == 0, rank["visits_90d"], 0),
            np.clip(1 - tenure / NEW_DAYS, 0, 1),
            np.clip(gone, 0, 1),
        ]
    )


def _rank(values: Floats, breakpoints: list[float]) -> Floats:
    """Where values lie on the breakpoints, ties in their middle; 0 for those who have none."""
    if not breakpoints:
        return np.zeros(len(values))
    low = np.searchsorted(breakpoints, values, "left")
    high = np.searchsorted(breakpoints, values, "right")
    return np.asarray(np.where(values > 0, (low + high) / 2 / len(breakpoints), 0))


def choose(scores: Floats, current: "pd.Series[str]") -> NDArray[Any]:
    """The persona of each: the current one, unless another trait is higher by the margin.

    Who shows no trait at all is quiet; equal traits go by the order of `PERSONAS`.
    """
    names = np.array(PERSONAS, dtype=object)
    best = np.where(scores.max(axis=1) > 0, scores.argmax(axis=1), len(PERSONAS) - 1)
    now = pd.Index(PERSONAS).get_indexer(pd.Index(current))
    everybody = np.arange(len(scores))
    here = np.where(now >= 0, scores[everybody, np.maximum(now, 0)], 0.0)
    keeps = (now >= 0) & (scores[everybody, best] < here + MARGIN)
    return np.asarray(names[np.where(keeps, now, best)])


def _outstanding(row: Floats) -> str:
    """The traits that stand out, the strongest first, as Postgres writes an array."""
    order = np.argsort(-row, kind="stable")
    return "{" + ",".join(PERSONAS[number] for number in order if row[number] >= STANDS_OUT) + "}"


def judge(before: pd.DataFrame, tonight: pd.DataFrame) -> Backtest:
    """How much of what people do next the personas tell apart, and how steady they are.

    Next: orders, visits and conversations, each counting alike. The rule tells apart who bought in
    the half year before and who did not. Steady: the share that
    a month moves to another persona, beside the share without the margin.
    """
    breakpoints = estimate(before)
    scores = score(before, breakpoints)
    earlier = choose(scores, pd.Series([None] * len(before), dtype=object))
    bought = (before["orders_180d"] > 0).to_numpy()
    known = tonight[["customer_id"]].merge(
        before[["customer_id"]].assign(persona=earlier), on="customer_id", how="left"
    )
    now = score(tonight, breakpoints)
    old = known["persona"].notna().to_numpy()
    loose = choose(now, pd.Series([None] * len(now), dtype=object))
    held = choose(now, known["persona"])
    was = known["persona"].to_numpy()
    return Backtest(
        [
            _told_apart(before, earlier, bought),
            Figure(
                "share_changed_in_30_days",
                float(np.mean(held[old] != was[old])) if old.any() else float("nan"),
                float(np.mean(loose[old] != was[old])) if old.any() else float("nan"),
            ),
        ]
    )


def _told_apart(frame: pd.DataFrame, ours: Any, rule: Any) -> Figure:
    """The share of the variance that lies between groups (eta squared), a mean of three."""
    names = [name for name in LATER if frame[name].any()]
    left = np.zeros((2, len(frame)))
    for name in names:
        values = pd.Series(np.log1p(frame[name].to_numpy(float)))
        for number, groups in enumerate((ours, rule)):
            means = values.groupby(np.asarray(groups)).transform("mean")
            left[number] += ((values - means) ** 2 / values.var(ddof=0)).to_numpy() / len(names)
    if not names:
        return Figure("variance_explained", float("nan"), float("nan"), 1)
    value, baseline = (1 - left.mean(axis=1)).tolist()
    return Figure("variance_explained", value, baseline, 1, standard_error(left[1] - left[0]))
