-- What every login of a Postgres may do, and nobody needs but who wants to stop a run: hold advisory
-- locks, and write large objects even where it only reads. As a superuser, in template1 or a database.
do $$
declare routine regprocedure;
begin
    for routine in
        select oid from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and (
            proname ~ '^pg_(try_)?advisory_'
            or proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lo_open',
                'lo_unlink', 'lo_truncate', 'lo_truncate64', 'lowrite', 'lo_import', 'lo_export')
        )
    loop
        execute format('revoke execute on function %s from public', routine);
    end loop;
end $$;
