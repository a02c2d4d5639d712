-- A record that carries an id of somebody erased is theirs too, and so is what names that record.
alter table privacy.tombstones add column is_followed boolean not null default true;
comment on column privacy.tombstones.is_followed is
    'Whether records that name this id were looked for after it was found at landing.';
