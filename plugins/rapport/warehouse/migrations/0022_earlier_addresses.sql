-- Who unsubscribes by an address of years ago means the customer that offered it.

create table identity.earlier_addresses (
    profile_key bigint not null,
    customer_id text collate "C" not null,
    identifier_key bigint not null,
    primary key (identifier_key, profile_key, customer_id)
);
comment on table identity.earlier_addresses is
    'One row per e-mail address or phone number that a profile offered and no longer does, and the customer that it was of then.';
