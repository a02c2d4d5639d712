-- Tonight's regions are read from the index alone: their members lie all over the table.
drop index identity.members_region_key;
create index members_region_key on identity.members (region_key, profile_key)
include (customer_id, profile_id);
