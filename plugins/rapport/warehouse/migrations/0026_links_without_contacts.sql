-- Web events are built from what is new, so what was built before is freed of contact details here.
do $$
declare
    pattern constant text := '[^[:space:]/?&=#:;,<>"(){}@]+(@|%(25)*40)([^[:space:]/?&=#:;,<>"(){}@.%]+([.]|%(25)*2E))+[[:alpha:]]{2,}|(?<![[:alnum:]])([+]|%(25)*2B)[1-9](([ ().-]|%(25)*20){0,2}[0-9]){6,14}(?![0-9])|(?<![[:alnum:]._-])00?[1-9][0-9]{7,12}(?![[:alnum:]._-])';
    found record;
begin
    for found in
        select columns.table_name, columns.column_name, columns.data_type
        from information_schema.columns
        inner join information_schema.tables using (table_schema, table_name)
        where
            columns.table_schema = 'intermediate'
            and columns.table_name in ('int_web_events_unioned', 'int_web_events_sessionised')
            and columns.column_name in (
                'url', 'path', 'referrer', 'utm_source', 'utm_medium', 'utm_campaign', 'landing_path', 'paths'
            )
            and tables.table_type = 'BASE TABLE'
    loop
        execute format(
            'update intermediate.%1$I set %2$I = regexp_replace(%2$I::text, %3$L, ''(contact)'', ''gi'')::%4$s'
            ' where %2$I::text ~* %3$L',
            found.table_name, found.column_name, pattern,
            case found.data_type when 'ARRAY' then 'text[]' else 'text' end
        );
    end loop;
end
$$;
