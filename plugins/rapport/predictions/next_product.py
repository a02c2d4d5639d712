"""The next product: item-to-item recommendations from what customers bought or looked at.

Source: Linden, Smith and York (2003), "Amazon.com Recommendations: Item-to-Item Collaborative
Filtering", IEEE Internet Computing 7(1). The similarity of two products is their cosine over
customers. A product that the customer has bought is never suggested. The baseline is popularity:
the products that most customers bought.

>>> next_product.run(connection, as_of)  # doctest: +SKIP
{'customers': 512, 'rows': 1530}
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions.backtest import Backtest, Figure, standard_error
from rapport.predictions.errors import TooFew
from rapport.predictions.store import Connection, read, refit, replace

MODEL, VERSION, SCOPE = "next_product", "1", "all"
SUGGESTIONS = 3
NEIGHBOURS = 30
SHRINKAGE = 3.0  # with this many customers who had both products, the similarity is halved
LOOKED_AT, BOUGHT = 0.4, 1.0
LOOKBACK = timedelta(days=730)
MIN_CUSTOMERS, MIN_TESTED = 100, 50
CELLS = 10_000_000  # of the dense matrix customers x products that is held at a time: 80 MB

EVIDENCE = """
with bought as (
    select customer_id, product_id, true as is_bought
    from build.fct_orders
    where is_purchase and ordered_at <= %(at)s and ordered_at > %(at)s - %(memory)s
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
    is_purchase and customer_id is not null and product_id is not null
    and ordered_at > %(at)s and ordered_at <= %(later)s
order by customer_id, product_id
"""

SPAN = """
select
    count(*) filter (where is_purchase and product_id is not null) as events,
    extract(day from %(as_of)s - min(ordered_at))::integer as days
from build.fct_orders
where ordered_at >= timestamptz '1990-01-01T00:00:00Z' and ordered_at <= %(as_of)s
"""


@dataclass(frozen=True, slots=True)
class Similarity:
    """The similarity of products: `matrix[i, j]` is how much having i suggests buying j."""

    products: list[str]
    matrix: Any
    popularity: NDArray[np.float64]


def run(connection: Connection, as_of: datetime) -> dict[str, Any]:
    """Refit where due, and suggest products to customers who bought or looked; returns counts."""
    events, days = connection.execute(SPAN, {"as_of": as_of}).fetchone() or (0, None)
    evidence = _evidence(connection, as_of)

    def fit() -> tuple[dict[str, Any], Backtest]:
        at = as_of - min(timedelta(days=60), timedelta(days=(days or 0) // 3))
        later = read(connection, BOUGHT_LATER, at=at, later=as_of)
        similarity = learn(evidence)
        backtest = judge(_evidence(connection, at), later)
        return _to_json(similarity), backtest

    standing = refit(connection, MODEL, SCOPE, as_of=as_of, events=events, version=VERSION, fit=fit)
    suggestions = _no_suggestions()
    if standing.is_usable and standing.parameters is not None:
        suggestions = suggest(_from_json(standing.parameters), evidence)
    replace(connection, "product_scores", suggestions)
    return {"customers": int(suggestions["customer_id"].nunique()), "rows": len(suggestions)}


def _evidence(connection: Connection, at: datetime) -> pd.DataFrame:
    return read(connection, EVIDENCE, at=at, memory=LOOKBACK).astype({"is_bought": bool})


def learn(evidence: pd.DataFrame) -> Similarity:
    """Compute the cosine of products over customers, shrunk towards 0 where few had both.

    `evidence` has one row per customer and product, with `is_bought`. Raises `TooFew`.
    """
    from scipy import sparse

    bought = evidence[evidence["is_bought"]]
    if bought["customer_id"].nunique() < MIN_CUSTOMERS or bought["product_id"].nunique() < 2:
        raise TooFew(
            f"{bought['customer_id'].nunique()} customers bought "
            f"{bought['product_id'].nunique()} products; at least {MIN_CUSTOMERS} customers "
            "and 2 products are needed."
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
    values = both.data / np.where(norm > 0, norm, 1) * support / (support + SHRINKAGE)
    values[both.row == both.col] = 0.0
    similarity = sparse.csr_array((values, (both.row, both.col)), both.shape)
    return Similarity(products, _nearest(similarity), theirs**2)


def _nearest(similarity: Any) -> Any:
    """Keep only the nearest neighbours of each product."""
    from scipy import sparse

    rows = []
    for number in range(similarity.shape[0]):
        row = similarity[[number], :].tocoo()
        kept = np.argsort(-row.data, kind="stable")[:NEIGHBOURS]
        rows.append((np.full(len(kept), number), row.col[kept], row.data[kept]))
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    return sparse.csr_array((columns[2], (columns[0], columns[1])), similarity.shape)


def _matrix(evidence: pd.DataFrame, products: list[str]) -> tuple[Any, list[str]]:
    """The matrix customers x products: 1 for bought, less for looked at.

    Products that are not in `products` are left out.
    """
    from scipy import sparse

    column = pd.Index(products).get_indexer(pd.Index(evidence["product_id"]))
    known = evidence[column >= 0]
    rows, customers = pd.factorize(known["customer_id"])
    weight = np.where(known["is_bought"].to_numpy(bool), BOUGHT, LOOKED_AT)
    shape = (len(customers), len(products))
    return sparse.csr_array((weight, (rows, column[column >= 0])), shape), list(customers)


def suggest(similarity: Similarity, evidence: pd.DataFrame) -> pd.DataFrame:
    """The best products for each customer, one row per suggestion.

    `because_product_id` is the product among those the customer had that counts most for it.
    """
    matrix, customers = _matrix(evidence, similarity.products)
    parts, step = [], max(1, CELLS // max(1, len(similarity.products)))
    for start in range(0, len(customers), step):
        had = matrix[start : start + step]
        scores = (had @ similarity.matrix).toarray()
        scores[(had >= BOUGHT).toarray()] = 0.0
        best, value = _top(scores)
        who, rank = np.nonzero(value > 0)
        parts.append((who + start, rank + 1, best[who, rank], value[who, rank]))
    if not parts:
        return _no_suggestions()
    who, rank, what, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    names = np.array(similarity.products, dtype=object)
    return pd.DataFrame(
        {
            "customer_id": np.array(customers, dtype=object)[who],
            "rank": rank,
            "product_id": names[what],
            "because_product_id": names[_reasons(matrix, similarity.matrix, who, what)],
            "score": value,
        }
    )


def _top(scores: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The best columns of each row and their scores, best first. Ties keep the products' order."""
    width = min(SUGGESTIONS, scores.shape[1])
    best = np.argsort(-scores, axis=1, kind="stable")[:, :width]
    return best, np.take_along_axis(scores, best, axis=1)


def _reasons(matrix: Any, similarity: Any, who: NDArray[Any], what: NDArray[Any]) -> NDArray[Any]:
    """Of what each customer had, the product that is_usable most for the suggested one."""
    lengths = np.diff(matrix.indptr)[who]
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    within = np.arange(lengths.sum()) - starts + np.repeat(matrix.indptr[who], lengths)
    had, weight = matrix.indices[within], matrix.data[within]
    pairs = np.repeat(np.arange(len(who)), lengths)
    strength = weight * np.asarray(similarity[had, np.repeat(what, lengths)]).ravel()
    order = np.lexsort((had, -strength, pairs))
    _, first = np.unique(pairs[order], return_index=True)
    return np.asarray(had[order][first])


def judge(before: pd.DataFrame, later: pd.DataFrame) -> Backtest:
    """Backtest: how often a product that was bought later for the first time was suggested."""
    similarity = learn(before)
    owned = before[before["is_bought"]][["customer_id", "product_id"]]
    fresh = later.merge(owned, how="left", indicator=True)
    fresh = fresh[fresh["_merge"] == "left_only"][["customer_id", "product_id"]]
    fresh = fresh[fresh["customer_id"].isin(before["customer_id"].unique())]
    if len(fresh) < MIN_TESTED:
        raise TooFew(f"{len(fresh)} new products were bought; at least {MIN_TESTED} are needed.")
    tested = before[before["customer_id"].isin(fresh["customer_id"].unique())]
    ours, popular = suggest(similarity, tested), _popular(similarity, tested)
    return Backtest(
        [
            _hit_rate(fresh, ours, popular, 3, sign=1),
            _hit_rate(fresh, ours, popular, 1, sign=0),
            Figure("products_bought_later", float(len(fresh))),
        ]
    )


def _popular(similarity: Similarity, evidence: pd.DataFrame) -> pd.DataFrame:
    matrix, customers = _matrix(evidence, similarity.products)
    scores = np.tile(similarity.popularity, (len(customers), 1))
    scores[(matrix >= BOUGHT).toarray()] = 0.0
    best, _ = _top(scores)
    who, rank = np.indices(best.shape)
    return pd.DataFrame(
        {
            "customer_id": np.array(customers, dtype=object)[who.ravel()],
            "rank": rank.ravel() + 1,
            "product_id": np.array(similarity.products, dtype=object)[best.ravel()],
        }
    )


def _hit_rate(
    fresh: pd.DataFrame, ours: pd.DataFrame, popular: pd.DataFrame, best: int, sign: int
) -> Figure:
    hits = [_hits(fresh, frame[frame["rank"] <= best]) for frame in (ours, popular)]
    noise = standard_error(hits[0] - hits[1])
    return Figure(f"hit_rate_at_{best}", float(hits[0].mean()), float(hits[1].mean()), sign, noise)


def _hits(fresh: pd.DataFrame, suggested: pd.DataFrame) -> NDArray[np.float64]:
    """For each purchase, whether the product had been suggested (1 or 0)."""
    found = fresh.merge(suggested[["customer_id", "product_id"]], how="left", indicator=True)
    return np.asarray(found["_merge"] == "both", np.float64)


def _to_json(similarity: Similarity) -> dict[str, Any]:
    entries = similarity.matrix.tocoo()
    return {
        "products": similarity.products,
        "rows": entries.row.tolist(),
        "columns": entries.col.tolist(),
        "values": np.round(entries.data, 6).tolist(),
        "popularity": similarity.popularity.tolist(),
    }


def _from_json(parameters: dict[str, Any]) -> Similarity:
    from scipy import sparse

    size = len(parameters["products"])
    entries = (parameters["rows"], parameters["columns"])
    matrix = sparse.csr_array((parameters["values"], entries), (size, size))
    return Similarity(parameters["products"], matrix, np.array(parameters["popularity"]))


def _no_suggestions() -> pd.DataFrame:
    return pd.DataFrame(
        columns=["customer_id", "rank", "product_id", "because_product_id", "score"]
    )
