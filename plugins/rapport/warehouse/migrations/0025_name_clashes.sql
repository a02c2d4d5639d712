-- A mailbox that people of different names share joins nobody, and is there to be looked at.

create table identity.name_clashes (identifier_key bigint primary key);
comment on table identity.name_clashes is
    'One row per e-mail address that profiles with clearly different full names offer.';

alter table identity.capped add column reason text not null default 'over_cap';
comment on column identity.capped.reason is
    'over_cap, or shared_by_names where the profiles have clearly different full names.';
