-- Locks that only the service can hold: any login could take an advisory lock and stop a run.
create table ops.turns (
    name text primary key
);
comment on table ops.turns is
    'One row per thing that is done by one transaction at a time: the row is locked meanwhile.';

create table ops.locks (
    name text not null,
    pid integer not null,
    session_start timestamptz not null,
    login name not null default current_user,
    since timestamptz not null default clock_timestamp(),
    primary key (name, pid)
);
comment on table ops.locks is
    'One row per lock and session that holds it; a row whose session has ended holds nothing.';

create function ops.lock_holders(wanted text) returns setof integer
language sql as $$
    -- Within a transaction Postgres shows the sessions as they were at the first look.
    select pg_stat_clear_snapshot();
    select locks.pid
    from ops.locks
    inner join pg_stat_activity as session
        on session.pid = locks.pid and session.usename = locks.login
        -- Of another login's session Postgres does not say when it began.
        and coalesce(session.backend_start = locks.session_start, true)
    where locks.name = wanted
$$;
comment on function ops.lock_holders is 'The process ids of the sessions that hold a lock.';

create function ops.hold(wanted text) returns void
language sql as $$
    insert into ops.locks (name, pid, session_start)
    select wanted, pid, backend_start from pg_stat_activity where pid = pg_backend_pid()
    on conflict (name, pid) do update
    set session_start = excluded.session_start, login = excluded.login, since = excluded.since
$$;
comment on function ops.hold is 'Note that this session holds a lock.';

create function ops.try_to_hold(wanted text) returns boolean
language plpgsql as $$
begin
    insert into ops.turns (name) values (wanted) on conflict do nothing;
    perform from ops.turns where name = wanted for update skip locked;
    if not found or exists (select from ops.lock_holders(wanted)) then
        return false;
    end if;
    perform ops.hold(wanted);
    return true;
end
$$;
comment on function ops.try_to_hold is
    'Hold a lock until the session ends or lets go; false where another session holds or takes it.';

revoke execute on function ops.lock_holders, ops.hold, ops.try_to_hold from public;
