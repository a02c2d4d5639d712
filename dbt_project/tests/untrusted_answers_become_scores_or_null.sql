with cases (answer, score) as (

    values
    ('9', 9),
    (' 9.0', 9),
    ('8,5', 8.5),
    ('6.5', 6.5),
    ('-1', -1),
    ('11', 11),
    ('10 - very likely', 10),
    ('10/10', 10),
    ('Very likely - 10', 10),
    ('Sehr wahrscheinlich (9)', 9),
    ('1.234.567', null),
    ('12345', null),
    ('very likely', null),
    ('', null),
    (null, null)

)

select answer, {{ survey_score("'nps'", 'answer') }} as found, score
from cases
where {{ survey_score("'nps'", 'answer') }} is distinct from score
