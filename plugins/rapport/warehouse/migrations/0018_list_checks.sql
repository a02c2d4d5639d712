create table activation.list_checks (
    destination text not null,
    segment text not null,
    as_of timestamptz not null,
    at_tool bigint not null,
    missing bigint not null,
    unknown bigint not null,
    primary key (destination, segment)
);
comment on table activation.list_checks is
    'One row per list that was read back from its tool: how many are there, how many of those we sent are not, how many are there that the ledger did not have.';
