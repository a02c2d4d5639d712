-- What held before a night is asked for once more when the night is run again.

create table predictions.persona_stays (
    customer_id text collate "C" not null,
    persona text not null,
    since timestamptz not null,
    until timestamptz,
    primary key (customer_id, since)
);
comment on table predictions.persona_stays is
    'One row per time that a customer had a persona; until is NULL while it holds.';

insert into predictions.persona_stays (customer_id, persona, since)
select customer_id, persona, since from predictions.personas;
