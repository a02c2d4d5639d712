-- The search of the pages for names compared lower-case bytes: it found no name whose accents were
-- written in another way.

create schema if not exists marts_pii;

-- Whose lower case knows every alphabet: Postgres 16 has no pg_c_utf8, and may be built without ICU.
do $$
declare known name;
begin
    select collname into known from pg_collation
    where collname in ('pg_c_utf8', 'und-x-icu', 'C.utf8')
        and collencoding in (-1, pg_char_to_encoding('UTF8'))
    order by array_position(array['pg_c_utf8', 'und-x-icu', 'C.utf8'], collname::text)
    limit 1;
    execute format(
        $function$
            create function marts_pii.search_form(name text) returns text
            language sql immutable strict parallel safe
            return btrim(regexp_replace(
                replace(replace(replace(replace(translate(
                    lower(
                        regexp_replace(normalize(name, nfkd), '[\u0300-\u036f]', '', 'g') collate %I
                    ),
                    'ıłøđðς’ʼ‘`', 'iloddσ'''''''''
                ), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
                '\s+', ' ', 'g'
            ))
        $function$, coalesce(known, 'default')
    );
end $$;

comment on function marts_pii.search_form(text) is
    'A name as the search of the pages compares it: without case and accents; ß is ss.';
