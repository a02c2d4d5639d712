"""The next product: what people who bought or looked at the same things bought (item to item).

Linden, Smith and York (2003), "Amazon.com Recommendations: Item-to-Item Collaborative Filtering",
IEEE Internet Computing 7(1): the cosine of two products over customers. A product that the customer
has bought is never suggested. The plain rule is popularity: what most people bought.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions.errors import TooFew
from rapport.predictions.quality import Backtest, Figure, standard_error
from rapport.predictions.store import Connection, read, refit, replace

MODEL, VERSION, SCOPE = "next_product", "1", "all"
SUGGESTIONS = 3
NEIGHBOURS = 30
SHRINK = 3.0  # so many customers more would have to have had both, before a likeness counts
LOOKED_AT, BOUGHT = 0.4, 1.0
MEMORY = timedelta(days=730)
LEAST_CUSTOMERS, LEAST_TESTED = 100, 50
CELLS = 10_000_000  # of the dense customers by products at a time: 80 MB

EVIDENCE = """
with bought as (
    select customer_id, product_id, true as is_bought
    from build.fct_orders
    where status = 'paid' and ordered_at <= %(at)s and ordered_at > %(at)s - %(memory)s
),

looked_at as (
    select sessions.customer_id, products.product_id, false as is_bought
    from build.fct_web_sessions as sessions
    cross join lateral unnest(sessions.product_ids) as products (product_id)
    where sessions.started_at <= %(at)s and sessions.started_at > %(at)s - %(memory)s
),

everything as (
    select * from bought
    union all
    select * from looked_at
)

select customer_id, product_id, bool_or(is_bought) as is_bought
from everything
where customer_id is not null and product_id is not null
group by customer_id, product_id
order by customer_id, product_id
"""

BOUGHT_LATER = """
select distinct customer_id, product_id
from build.fct_orders
where
    status = 'paid' and customer_id is not null and product_id is not null
    and ordered_at > %(at)s and ordered_at <= %(later)s
order by customer_id, product_id
"""

SPAN = """
select
    count(*) filter (where status = 'paid' and product_id is not null) as events,
    extract(day from %(as_of)s - min(ordered_at))::integer as days
from build.fct_orders
where ordered_at >= timestamptz '1990-01-01T00:00:00Z' and ordered_at <= %(as_of)s
"""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike products are: `matrix[i, j]` says how much i speaks for j."""

    products: list[str]
    matrix: Any
    popularity: NDArray[np.float64]


def run(connection: Connection, as_of: datetime) -> dict[str, Any]:
    """Judge where due, and suggest products to everybody who showed an interest."""
    events, days = connection.execute(SPAN, {"as_of": as_of}).fetchone() or (0, None)
    evidence = _evidence(connection, as_of)

    def fit() -> tuple[dict[str, Any], Backtest]:
        at = as_of - min(timedelta(days=60), timedelta(days=(days or 0) // 3))
        later = read(connection, BOUGHT_LATER, at=at, later=as_of)
        likeness = learn(evidence)
        backtest = judge(_evidence(connection, at), later)
        return _kept(likeness), backtest

    standing = refit(connection, MODEL, SCOPE, as_of=as_of, events=events, version=VERSION, fit=fit)
    suggestions = _nothing()
    if standing.speaks and standing.parameters is not None:
        suggestions = suggest(_restored(standing.parameters), evidence)
    replace(connection, "product_scores", suggestions)
    return {"customers": int(suggestions["customer_id"].nunique()), "rows": len(suggestions)}


def _evidence(connection: Connection, at: datetime) -> pd.DataFrame:
    return read(connection, EVIDENCE, at=at, memory=MEMORY).astype({"is_bought": bool})


def learn(evidence: pd.DataFrame) -> Likeness:
    """The cosine of products over customers, drawn towards 0 where few had both."""
    from scipy import sparse

    bought = evidence[evidence["is_bought"]]
    if bought["customer_id"].nunique() < LEAST_CUSTOMERS or bought["product_id"].nunique() < 2:
        raise TooFew(
            f"{bought['customer_id'].nunique()} customers bought "
            f"{bought['product_id'].nunique()} products: {LEAST_CUSTOMERS} and 2 are needed"
        )
    products = sorted(evidence["product_id"].unique())
    matrix, _ = _matrix(evidence, products)
    owned = matrix.copy()
    owned.data = (owned.data >= BOUGHT).astype(float)
    both = (matrix.T @ owned).tocoo()
    together = sparse.coo_array((np.ones(matrix.nnz), matrix.nonzero()), matrix.shape).tocsr()
    counts = (together.T @ (owned > 0)).tocsr()
    sizes = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())
    theirs = np.sqrt(np.asarray(owned.multiply(owned).sum(axis=0)).ravel())
    norm = sizes[both.row] * theirs[both.col]
    support = np.asarray(counts[both.row, both.col]).ravel()
    values = both.data / np.where(norm > 0, norm, 1) * support / (support + SHRINK)
    values[both.row == both.col] = 0.0
    likeness = sparse.csr_array((values, (both.row, both.col)), both.shape)
    return Likeness(products, _nearest(likeness), theirs**2)


def _nearest(likeness: Any) -> Any:
    """Only the nearest neighbours of each product."""
    from scipy import sparse

    rows = []
    for number in range(likeness.shape[0]):
        row = likeness[[number], :].tocoo()
        kept = np.argsort(-row.data, kind="stable")[:NEIGHBOURS]
        rows.append((np.full(len(kept), number), row.col[kept], row.data[kept]))
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    return sparse.csr_array((columns[2], (columns[0], columns[1])), likeness.shape)


def _matrix(evidence: pd.DataFrame, products: list[str]) -> tuple[Any, list[str]]:
    """Customers by products: 1 for bought, less for looked at; products that are new are left."""
    from scipy import sparse

    column = pd.Index(products).get_indexer(pd.Index(evidence["product_id"]))
    known = evidence[column >= 0]
    rows, customers = pd.factorize(known["customer_id"])
    weight = np.where(known["is_bought"].to_numpy(bool), BOUGHT, LOOKED_AT)
    shape = (len(customers), len(products))
    return sparse.csr_array((weight, (rows, column[column >= 0])), shape), list(customers)


def suggest(likeness: Likeness, evidence: pd.DataFrame) -> pd.DataFrame:
    """The best products a customer and, of what they had, the one that speaks for each most."""
    matrix, customers = _matrix(evidence, likeness.products)
    parts, step = [], max(1, CELLS // max(1, len(likeness.products)))
    for start in range(0, len(customers), step):
        had = matrix[start : start + step]
        scores = (had @ likeness.matrix).toarray()
        scores[(had >= BOUGHT).toarray()] = 0.0
        best, value = _top(scores)
        who, rank = np.nonzero(value > 0)
        parts.append((who + start, rank + 1, best[who, rank], value[who, rank]))
    if not parts:
        return _nothing()
    who, rank, what, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    names = np.array(likeness.products, dtype=object)
    return pd.DataFrame(
        {
            "customer_id": np.array(customers, dtype=object)[who],
            "rank": rank,
            "product_id": names[what],
            "because_product_id": names[_reasons(matrix, likeness.matrix, who, what)],
            "score": value,
        }
    )


def _top(scores: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The best columns of each row, in order; equal ones in the order of products."""
    width = min(SUGGESTIONS, scores.shape[1])
    best = np.argsort(-scores, axis=1, kind="stable")[:, :width]
    return best, np.take_along_axis(scores, best, axis=1)


def _reasons(matrix: Any, likeness: Any, who: NDArray[Any], what: NDArray[Any]) -> NDArray[Any]:
    """Of what each customer had, the product that speaks most for the suggested one."""
    lengths = np.diff(matrix.indptr)[who]
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    within = np.arange(lengths.sum()) - starts + np.repeat(matrix.indptr[who], lengths)
    had, weight = matrix.indices[within], matrix.data[within]
    pairs = np.repeat(np.arange(len(who)), lengths)
    strength = weight * np.asarray(likeness[had, np.repeat(what, lengths)]).ravel()
    order = np.lexsort((had, -strength, pairs))
    _, first = np.unique(pairs[order], return_index=True)
    return np.asarray(had[order][first])


def judge(before: pd.DataFrame, later: pd.DataFrame) -> Backtest:
    """How often what was bought later, and not before, was among the suggestions."""
    likeness = learn(before)
    owned = before[before["is_bought"]][["customer_id", "product_id"]]
    fresh = later.merge(owned, how="left", indicator=True)
    fresh = fresh[fresh["_merge"] == "left_only"][["customer_id", "product_id"]]
    fresh = fresh[fresh["customer_id"].isin(before["customer_id"].unique())]
    if len(fresh) < LEAST_TESTED:
        raise TooFew(f"{len(fresh)} new products were bought: {LEAST_TESTED} are needed")
    tested = before[before["customer_id"].isin(fresh["customer_id"].unique())]
    ours, popular = suggest(likeness, tested), _popular(likeness, tested)
    return Backtest(
        [
            _hit_rate(fresh, ours, popular, 3, sign=1),
            _hit_rate(fresh, ours, popular, 1, sign=0),
            Figure("products_bought_later", float(len(fresh))),
        ]
    )


def _popular(likeness: Likeness, evidence: pd.DataFrame) -> pd.DataFrame:
    matrix, customers = _matrix(evidence, likeness.products)
    scores = np.tile(likeness.popularity, (len(customers), 1))
    scores[(matrix >= BOUGHT).toarray()] = 0.0
    best, _ = _top(scores)
    who, rank = np.indices(best.shape)
    return pd.DataFrame(
        {
            "customer_id": np.array(customers, dtype=object)[who.ravel()],
            "rank": rank.ravel() + 1,
            "product_id": np.array(likeness.products, dtype=object)[best.ravel()],
        }
    )


def _hit_rate(
    fresh: pd.DataFrame, ours: pd.DataFrame, popular: pd.DataFrame, best: int, sign: int
) -> Figure:
    hits = [_hits(fresh, said[said["rank"] <= best]) for said in (ours, popular)]
    noise = standard_error(hits[0] - hits[1])
    return Figure(f"hit_rate_at_{best}", float(hits[0].mean()), float(hits[1].mean()), sign, noise)


def _hits(fresh: pd.DataFrame, suggested: pd.DataFrame) -> NDArray[np.float64]:
    """For each product bought, whether it had been suggested."""
    found = fresh.merge(suggested[["customer_id", "product_id"]], how="left", indicator=True)
    return np.asarray(found["_merge"] == "both", np.float64)


def _kept(likeness: Likeness) -> dict[str, Any]:
    entries = likeness.matrix.tocoo()
    return {
        "products": likeness.products,
        "rows": entries.row.tolist(),
        "columns": entries.col.tolist(),
        "values": np.round(entries.data, 6).tolist(),
        "popularity": likeness.popularity.tolist(),
    }


def _restored(parameters: dict[str, Any]) -> Likeness:
    from scipy import sparse

    size = len(parameters["products"])
    entries = (parameters["rows"], parameters["columns"])
    matrix = sparse.csr_array((parameters["values"], entries), (size, size))
    return Likeness(parameters["products"], matrix, np.array(parameters["popularity"]))


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(
        columns=["customer_id", "rank", "product_id", "because_product_id", "score"]
    )
