with cases (text, moment) as (

    values
    ('2026-03-29T01:30:00Z', timestamptz '2026-03-29 01:30:00+00'),
    ('2026-03-29 01:30:00.25', timestamptz '2026-03-29 01:30:00.25+00'),
    ('2026-03-29T01:30:00+05:30', timestamptz '2026-03-28 20:00:00+00'),
    ('2026-03-29 01:30-08', timestamptz '2026-03-29 09:30:00+00'),
    ('20260329T013000Z', timestamptz '2026-03-29 01:30:00+00'),
    ('20260329', timestamptz '2026-03-29 00:00:00+00'),
    ('2026-03-29', timestamptz '2026-03-29 00:00:00+00'),
    ('2024-02-29', timestamptz '2024-02-29 00:00:00+00'),
    ('2026-02-29', null),
    ('2016-12-31T23:59:60Z', timestamptz '2017-01-01 00:00:00+00'),
    ('2026-03-29T24:00:00Z', timestamptz '2026-03-30 00:00:00+00'),
    ('2026-03-29T28:05:13Z', null),
    ('0001-01-01', timestamptz '0001-01-01 00:00:00+00'),
    ('9999-12-31T23:59:59Z', timestamptz '9999-12-31 23:59:59+00'),
    ('03/04/2026', null),
    ('2026-03-29 10:00 PST', null),
    ('2026-03-29 10:00 PM', null),
    ('infinity', null),
    ('now', null),
    ('tomorrow', null),
    ('', null),
    (null, null)

)

select text, {{ try_timestamp('text') }} as found, moment
from cases
where {{ try_timestamp('text') }} is distinct from moment
