-- How the rows of mapped datasets were read when they landed. Rows that were read in another way than
-- rapport.yml says today are read again before the next build.
create table raw.readings (
    source text not null,
    stream text not null,
    reading text not null,
    reread_at timestamptz not null default clock_timestamp(),
    primary key (source, stream)
);
comment on table raw.readings is 'One row per mapped dataset: the digest of how its landed rows were read.';
