"""Assignment: who is treated, who is held out, and who gets which variant of a play.

A customer is assigned once, when they enter the segment. The draw is a salted hash of the customer
id, so that it is the same on every machine and in every run. In a segment with strata, the
newcomers of a stratum are sorted by their draws and placed along a low-discrepancy sequence
(multiples of the golden ratio, https://en.wikipedia.org/wiki/Low-discrepancy_sequence), so that
every stratum gets its shares, however few customers enter in a run.

>>> assigned(segment, options, changes)  # doctest: +SKIP
Composed([SQL('with newcomer as (...'), ...])
"""

from psycopg import sql

from rapport.activation.segments.declarations import Segment
from rapport.activation_options import ActivationOptions

_ASSIGNED = """
with newcomer as (
    select
        customer_id, traits, stratum,
        {control} > 0 and segments.draw({salt}, 'control', customer_id) < {control} as is_control,
        {draw} as draw
    from {changes}
    where kind = 'entered'
),
drawn as ({drawn}),
assigned as (
    select *, case
        when is_control then 'control'
        when place < {holdout} then 'holdout'
        else 'treated'
    end as assignment
    from drawn
),
versioned as (
    select *, case when assignment = 'treated' then {variant} end as variant from assigned
)
select
    customer_id, assignment, variant, stratum,
    traits || case when variant is null then '{{}}'
        else jsonb_build_object({variant_trait}, variant) end as traits
from versioned
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
    """The values of the segment's strata as one text; null where it declares none."""
    if not segment.strata:
        return sql.SQL("null::text")
    columns = (sql.SQL("coalesce({}::text, '')").format(sql.Identifier(c)) for c in segment.strata)
    return sql.SQL("concat_ws(chr(31), {})").format(sql.SQL(", ").join(columns))


def assigned(segment: Segment, options: ActivationOptions, changes: sql.Identifier) -> sql.Composed:
    """A query that assigns who entered: customer_id, assignment, variant, stratum and traits.

    `changes` is the table that `membership_changes` makes.
    """
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
    return sql.SQL(_ASSIGNED).format(
        changes=changes,
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


def _variant(ends: list[tuple[str, float]]) -> sql.Composable:
    """The variant whose share a place between 0 and 1 falls into."""
    if not ends:
        return sql.SQL("null::text")
    *others, (last, _) = ends
    cases = [sql.SQL("when place < {} then {}").format(end, name) for name, end in others]
    if not cases:
        return sql.SQL("{}::text").format(last)
    return sql.SQL("case {} else {} end").format(sql.SQL(" ").join(cases), last)


def _places(ends: list[tuple[str, float]], holdout: float) -> sql.Composable:
    """A place within the share of the variant that a treated customer had before."""
    if not ends:
        return sql.Literal((holdout + 1) / 2)
    cases, start = [], holdout
    for name, end in ends:
        cases.append(sql.SQL("when {} then {}").format(name, (start + end) / 2))
        start = end
    return sql.SQL("case variant {} end").format(sql.SQL(" ").join(cases))
