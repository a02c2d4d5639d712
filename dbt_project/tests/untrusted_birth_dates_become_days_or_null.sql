with cases (text, day) as (

    values
    ('1980-12-24', date '1980-12-24'),
    (' 1980-12-24 ', date '1980-12-24'),
    ('1980-12-24T00:00:00Z', date '1980-12-24'),
    ('1980-12-24T00:00:00.000+13:00', date '1980-12-24'),
    ('1980-12-24 00:00:00', date '1980-12-24'),
    ('1980-12-23T23:00:00Z', null),
    ('2000-02-29', date '2000-02-29'),
    ('1981-02-29', null),
    ('1880-01-01', date '1880-01-01'),
    ('1879-12-31', null),
    ('0000-00-00', null),
    ('24.12.1980', null),
    ('12/24/1980', null),
    ('19801224', null),
    ('1980', null),
    ('today', null),
    ('', null),
    (null, null)

)

select text, {{ try_birth_date('text') }} as found, day
from cases
where {{ try_birth_date('text') }} is distinct from day
