"""Who is treated, who is held out, and who gets which version: drawn once, at the door.

A draw is a salted hash of the person, so it is the same on every machine and every night. Where a
segment has strata, the newcomers of a stratum are put in order by their draws and dealt along a
low-discrepancy sequence (multiples of the golden ratio, Kronecker's), so that the shares come out
in every stratum, however few people enter in a night.
"""

from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.segments.declarations import Segment
from rapport.activation_options import ActivationOptions

_ENTER = """
insert into segments.membership
    (segment, customer_id, entered_at, arm, variant, stratum, traits, changed_at)
with newcomer as (
    select
        customer_id, traits, stratum,
        {control} > 0 and segments.draw({salt}, 'control', customer_id) < {control} as is_control,
        {draw} as draw
    from changes
    where kind = 'entered'
),
drawn as ({drawn}),
armed as (
    select *, case
        when is_control then 'control'
        when place < {holdout} then 'holdout'
        else 'treated'
    end as arm
    from drawn
),
versioned as (
    select *, case when arm = 'treated' then {variant} end as variant from armed
)
select
    {segment}, customer_id, {as_of}, arm, variant, stratum,
    traits || case when variant is null then '{{}}'
        else jsonb_build_object({variant_trait}, variant) end,
    {as_of}
from versioned
order by customer_id
on conflict (segment, customer_id, entered_at)
do update set left_at = null, traits = excluded.traits
"""

_BY_DRAW = "select *, draw as place from newcomer"
_BY_STRATUM = """
    select
        newcomer.*,
        coalesce(
            earlier.place,
            (segments.draw({salt}, {segment}, 'stratum ' || newcomer.stratum)
                + 0.6180339887498949 * (coalesce(before.people, 0) + row_number() over (
                    partition by newcomer.stratum, is_control, earlier.place is null
                    order by draw, newcomer.customer_id
                )))::numeric % 1
        ) as place
    from newcomer
    left join (
        select stratum, count(*) as people from segments.membership
        where segment = {segment} and arm <> 'control'
        group by stratum
    ) as before on before.stratum = newcomer.stratum
    left join (
        select distinct on (customer_id) customer_id,
            case arm when 'holdout' then 0.0 when 'treated' then {places} end as place
        from segments.membership
        where segment = {segment} and arm <> 'control'
        order by customer_id, entered_at desc
    ) as earlier on earlier.customer_id = newcomer.customer_id
"""


def stratum(segment: Segment) -> sql.Composable:
    """The value of the segment's strata as one text, null where it has none."""
    if not segment.strata:
        return sql.SQL("null::text")
    columns = (sql.SQL("coalesce({}::text, '')").format(sql.Identifier(c)) for c in segment.strata)
    return sql.SQL("concat_ws(chr(31), {})").format(sql.SQL(", ").join(columns))


def enter(
    connection: psycopg.Connection, segment: Segment, options: ActivationOptions, as_of: datetime
) -> int:
    """Take those of `changes` in who entered tonight; how many."""
    holdout = segment.holdout_share
    ends: list[tuple[str, float]] = []
    end = 0.0
    for name, share in segment.variants.items():
        end += share
        ends.append((name, holdout + (1 - holdout) * end))
    if segment.strata:
        drawn: sql.Composable = sql.SQL(_BY_STRATUM).format(
            salt=options.salt, segment=segment.key, places=_places(ends, holdout)
        )
    else:
        drawn = sql.SQL(_BY_DRAW)
    needs_draw = holdout > 0 or segment.variants or segment.strata
    return connection.execute(
        sql.SQL(_ENTER).format(
            segment=segment.key,
            as_of=as_of,
            salt=options.salt,
            control=options.control_share if segment.purpose == "marketing" else 0.0,
            holdout=holdout,
            draw=sql.SQL("segments.draw({}, {}, customer_id)").format(options.salt, segment.key)
            if needs_draw
            else sql.SQL("1.0"),
            drawn=drawn,
            variant=_variant(ends),
            variant_trait=segment.variant_trait,
        )
    ).rowcount


def _variant(ends: list[tuple[str, float]]) -> sql.Composable:
    """From a place between 0 and 1 to the version whose share it falls into."""
    if not ends:
        return sql.SQL("null::text")
    *others, (last, _) = ends
    cases = [sql.SQL("when place < {} then {}").format(end, name) for name, end in others]
    if not cases:
        return sql.SQL("{}::text").format(last)
    return sql.SQL("case {} else {} end").format(sql.SQL(" ").join(cases), last)


def _places(ends: list[tuple[str, float]], holdout: float) -> sql.Composable:
    """A place that falls into the version that a treated person had before."""
    if not ends:
        return sql.Literal((holdout + 1) / 2)
    cases, start = [], holdout
    for name, end in ends:
        cases.append(sql.SQL("when {} then {}").format(name, (start + end) / 2))
        start = end
    return sql.SQL("case variant {} end").format(sql.SQL(" ").join(cases))
