-- What a stage did and for whom was part of its displayed name only.
alter table ops.stages add column kind text;
alter table ops.stages add column subject text;

update ops.stages set
    kind = case
        when name = 'start Airflow' then 'start'
        when name = 'wait for sources' then 'wait'
        when name = 'normalise identifiers' then 'normalise'
        when name = 'read comments' then 'read_comments'
        when name = 'resolve customers' then 'resolve'
        when name in ('predict', 'publish', 'plan', 'tell') then name
        when name = 'check publication' then 'check_publication'
        when name = 'pull suppressions' then 'pull'
        when name = 'evaluate segments' then 'evaluate'
        when name = 'read segments' then 'read_segments'
        when name like 'land %' then 'land'
        when name like 'check %' then 'check_arrival'
        when name like 'build %' then 'build'
        when name like 'pull %' then 'pull_destination'
        when name like 'push %' then 'push'
        when name like 'answers of %' then 'judge'
        else 'other'
    end,
    subject = case
        when name in ('check publication', 'pull suppressions') then null
        when name ~ '^(land|check|build|pull|push) ' then substring(name from ' (.*)$')
        when name like 'answers of %' then substring(name from '^answers of (.*)$')
    end;

alter table ops.stages alter column kind set not null;
comment on column ops.stages.name is 'The name that is displayed, made of kind and subject.';
comment on column ops.stages.kind is
    'What the stage does: land, check_arrival, build, publish, push and so on.';
comment on column ops.stages.subject is
    'The source, destination or layer that the stage is about; null where it is about the whole run.';
