-- A run builds a model only if its inputs, its code or the day has changed.
create table ops.built_models (
    model text primary key,
    inputs text not null,
    built text not null,
    as_of timestamptz not null,
    published text
);
comment on table ops.built_models is 'One row per model as of its last successful build: what it was built from and what was made of it.';
comment on column ops.built_models.inputs is 'A hash of the code, the day, and the state of the tables that the model reads.';
comment on column ops.built_models.built is 'The state of the built table. A state is the table''s identity and how many of its rows were ever written.';
comment on column ops.built_models.published is 'The states of the built and the published table after the last publication.';
