-- Who may make tables where a run reads or erases can have the run execute code of theirs. No role
-- can any more; segments are read without being built, so their schema goes with all that is in it.
drop schema if exists segments_build cascade;

do $$
declare place name;
begin
    if not exists (select from pg_roles where rolname = 'builder') then
        return;
    end if;
    for place in
        select nspname from pg_namespace
        where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
    loop
        begin
            execute format('revoke all on all tables in schema %I from builder', place);
            execute format('revoke all on schema %I from builder', place);
            execute format(
                'alter default privileges in schema %I revoke all on tables from builder', place
            );
        exception when insufficient_privilege then
            raise warning 'role builder: not revoked in schema %, ask its owner', place;
        end;
    end loop;
    execute format('revoke all on database %I from builder', current_database());
exception when insufficient_privilege then
    raise warning 'role builder: not revoked on the database, ask its owner';
end $$;

create table segments.columns (
    segment text not null,
    column_name text not null,
    kind text not null,
    primary key (segment, column_name)
);
comment on table segments.columns is
    'One row per column that the SQL of a segment gave when it was last evaluated, with its kind as destinations name it.';
