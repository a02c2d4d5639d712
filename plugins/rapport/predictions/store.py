"""The tables of the models in the warehouse: parameters, backtests and scores.

>>> standing = refit(connection, "clv", "EUR", as_of=as_of, events=1015, fit=fit)  # doctest: +SKIP
>>> standing.is_usable  # doctest: +SKIP
True
"""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from rapport.predictions.backtest import Backtest
from rapport.predictions.errors import NoFit, TooFew

log = logging.getLogger(__name__)
Connection = psycopg.Connection[Any]

# A fit is reused until it reaches this age or the number of events has grown by this factor.
MAX_AGE = timedelta(days=7)
GROWTH = 1.2

TOO_FEW, NOT_BETTER, NO_FIT = "too_few_events", "not_better_than_rule", "no_fit"


@dataclass(frozen=True, slots=True)
class Standing:
    """The fit that is in force for a model and scope.

    Without parameters, or with an `abstained_reason`, no predictions are published.
    """

    parameters: dict[str, Any] | None
    model_version: str | None = None
    fitted_at: datetime | None = None
    is_stale: bool = False
    abstained_reason: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether predictions may be published from this fit."""
        return self.parameters is not None and self.abstained_reason is None


Fit = Callable[[], tuple[dict[str, Any], Backtest]]


def refit(
    connection: Connection,
    model: str,
    scope: str,
    *,
    as_of: datetime,
    events: int,
    version: str,
    fit: Fit,
) -> Standing:
    """The fit to use at `as_of` (UTC), refitted if it is too old or the data has grown.

    If the fit fails, the last good one stays in use and is marked as stale. If it raises `TooFew`,
    no predictions are published. The result is also written to `predictions.standings`.
    """
    standing = _latest_fit(connection, model, scope, as_of, events, version)
    if standing is None or standing.is_stale:
        try:
            parameters, backtest = fit()
            standing = _save_fit(
                connection, model, scope, as_of, events, version, parameters, backtest
            )
        except TooFew as reason:
            log.info("%s %s: no predictions are published. %s", model, scope, reason)
            standing = Standing(None, abstained_reason=TOO_FEW)
        except psycopg.Error:
            raise
        except Exception as error:  # a model that cannot be fitted must not stop the run
            reason_text = str(error) if isinstance(error, NoFit) else type(error).__name__
            log.warning("%s %s: the fit failed. %s", model, scope, reason_text)
            standing = standing or Standing(None, abstained_reason=NO_FIT)
    connection.execute(
        "insert into predictions.standings values (%s, %s, %s, %s, %s, %s)",
        (model, scope, standing.model_version, standing.fitted_at, standing.is_stale,
         standing.abstained_reason),
    )  # fmt: skip
    return standing


def _latest_fit(
    connection: Connection, model: str, scope: str, as_of: datetime, events: int, version: str
) -> Standing | None:
    """The latest fit up to `as_of`, marked as stale if a refit is due; None if there is none."""
    row = connection.execute(
        "select parameters, version, fitted_at, events, is_published from predictions.parameters"
        " where model = %s and scope = %s and fitted_at <= %s order by fitted_at desc limit 1",
        (model, scope, as_of),
    ).fetchone()
    if row is None or row[1] != version:
        return None
    is_due = as_of - row[2] >= MAX_AGE or events >= GROWTH * max(row[3], 1)
    reason = None if row[4] else NOT_BETTER
    return Standing(row[0], _version(model, version, row[2]), row[2], is_due, reason)


def _save_fit(
    connection: Connection,
    model: str,
    scope: str,
    as_of: datetime,
    events: int,
    version: str,
    parameters: dict[str, Any],
    backtest: Backtest,
) -> Standing:
    key = (model, scope, as_of)
    for table in ("parameters", "figures", "bins"):
        connection.execute(
            sql.SQL(
                "delete from predictions.{} where model = %s and scope = %s and fitted_at = %s"
            ).format(sql.Identifier(table)),
            key,
        )
    connection.execute(
        "insert into predictions.parameters values (%s, %s, %s, %s, %s, %s, %s)",
        (*key, version, events, Jsonb(parameters), backtest.beats_baseline),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into predictions.figures values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (*key, item.metric, _number(item.value), _number(item.baseline), item.is_decisive)
                for item in backtest.figures
            ],
        )
        cursor.executemany(
            "insert into predictions.bins values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (*key, bin, item.customers, item.predicted, item.actual, item.share_of_actual)
                for bin, item in enumerate(backtest.deciles, start=1)
            ],
        )
    reason = None if backtest.beats_baseline else NOT_BETTER
    return Standing(parameters, _version(model, version, as_of), as_of, False, reason)


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


def _version(model: str, version: str, fitted_at: datetime) -> str:
    return f"{model}/{version}/{fitted_at:%Y%m%d}"


def read(connection: Connection, query: str, **values: Any) -> pd.DataFrame:
    """Read the rows of a query by COPY into a data frame; `values` replace `%(name)s`."""
    with connection.cursor() as cursor:
        text = psycopg.ClientCursor(connection).mogrify(query, values) if values else query
        buffer = io.BytesIO()
        statement = f"copy ({text}) to stdout (format csv, header)"
        with cursor.copy(statement) as copy:
            for part in copy:
                buffer.write(part)
    buffer.seek(0)
    # An id may look like a number or like "NA", so pandas must not guess the type of text columns.
    texts = {"customer_id": "str", "product_id": "str", "currency": "str", "channel": "str"}
    return pd.read_csv(
        buffer, dtype=texts, keep_default_na=False, na_values=[""], true_values=["t"],
        false_values=["f"],
    )  # fmt: skip


def replace(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    """Replace all rows of a table of the schema `predictions` with `frame`, by COPY."""
    target = sql.Identifier("predictions", table)
    connection.execute(sql.SQL("delete from {}").format(target))
    columns = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(target, columns)
    with connection.cursor().copy(statement) as copy:
        for start in range(0, len(frame), 100_000):
            copy.write(frame[start : start + 100_000].to_csv(index=False, header=False))
    connection.execute(sql.SQL("analyze {}").format(target))
