-- A night looks up some regions and their profiles; these indexes answer without the table.

alter table identity.members drop constraint members_pkey;
alter table identity.members add constraint members_pkey
primary key (profile_key) include (region_key);
drop index identity.members_region_key;
create index members_region_key on identity.members (region_key, profile_key);
