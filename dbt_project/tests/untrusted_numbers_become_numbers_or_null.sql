with cases (text, number) as (

    values
    ('12.50', 12.50),
    ('-0.01', -0.01),
    ('1e3', 1000),
    ('999999999999999999', 999999999999999999),
    ('1000000000000000000', null),
    ('1e400', null),
    ('-1e400', null),
    ('NaN', null),
    ('Infinity', null),
    ('12,50', null),
    ('EUR 5', null),
    ('', null),
    (null, null)

)

select text, {{ try_numeric('text') }} as found, number
from cases
where {{ try_numeric('text') }} is distinct from number
