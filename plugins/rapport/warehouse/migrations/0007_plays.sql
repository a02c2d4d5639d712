-- What a play needs: variants, strata, goals; and what the engine has to remember about a list.

alter table segments.membership add column variant text;
alter table segments.membership add column stratum text;
alter table segments.membership add column goal_at timestamptz;
comment on column segments.membership.variant is
    'Which version of the message a treated person gets, where the segment has several.';
comment on column segments.membership.goal_at is
    'When the person first did, after entering and within its days, what the play is for.';

create view segments.overlaps as
select
    one.segment,
    other.segment as other_segment,
    count(*) as members
from segments.membership as one
inner join segments.membership as other
    on one.customer_id = other.customer_id
    and one.segment <> other.segment
    and other.left_at is null
where one.left_at is null
group by one.segment, other.segment;
comment on view segments.overlaps is
    'One row per pair of segments that share members tonight, in both orders.';

create table segments.goals (
    segment text primary key,
    goal jsonb not null
);
comment on table segments.goals is 'One row per segment with a goal, as its YAML last said it.';

alter table activation.ledger add column is_uncertain boolean not null default false;
comment on column activation.ledger.is_uncertain is
    'The tool never answered an earlier intent: it may hold the person although it refuses them now.';

create table activation.pulls (
    destination text primary key,
    as_of timestamptz not null,
    problem text
);
comment on table activation.pulls is
    'One row per destination: the night of its last pull, and what was wrong with it.';

create table activation.list_states (
    destination text not null,
    segment text not null,
    state text not null check (state in ('fine', 'waiting', 'failing')),
    cause text,
    since timestamptz not null,
    told_as text not null default 'fine',
    primary key (destination, segment)
);
comment on table activation.list_states is
    'One row per list: how it is, since when, and which state people were told of last.';
