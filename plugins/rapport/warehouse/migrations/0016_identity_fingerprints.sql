-- A night compares only profiles of which something that they offer differs from last night's.

create table identity.fingerprints (
    profile_hash bigint primary key,
    head bigint not null,
    tail bigint not null
);
comment on table identity.fingerprints is 'One row per profile: a hash of all that it offered when its identifiers were compared last.';

create table identity.differing_profiles (
    profile_id text collate "C" not null,
    profile_hash bigint not null,
    head bigint,
    tail bigint
);
comment on table identity.differing_profiles is 'One row per profile that offers something else than when it was compared last; without a hash where it is gone.';

-- Everybody who is known already differs from this, also who is gone when the next night comes.
insert into identity.fingerprints
select distinct hashtextextended(profile_id, 0), 0, 0 from identity.profiles;

alter table identity.state add column regions_hash text;
alter table identity.state add column fingerprint_seed bigint not null default 1;
