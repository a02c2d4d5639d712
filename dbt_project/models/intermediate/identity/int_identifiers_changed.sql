{%- set known = adapter.get_relation(
    database=target.database,
    schema='identity_build',
    identifier='int_identifiers_normalised'
) if execute and not flags.FULL_REFRESH -%}

{%- if known %}

with differing as (

    select distinct profile_id from {{ source('identity_dictionary', 'differing_profiles') }}

),

offered as (

    select offered.*
    from {{ ref('int_identifiers_unioned') }} as offered
    inner join differing using (profile_id)

),

{%- else %}

with offered as (

    select * from {{ ref('int_identifiers_unioned') }}

),

{%- endif %}

profiles as (

    select * from {{ source('identity_dictionary', 'profiles') }}

),

normal_forms as (

    select * from {{ source('identity_dictionary', 'normal_forms') }}

),

sources as (

    select * from {{ source('identity_dictionary', 'sources') }}

),

rules as (

    select * from {{ source('identity_dictionary', 'rules') }}

),

grouped as (

    select
        profiles.profile_key,
        case when normal_forms.problem is null then normal_forms.identifier_key end
        as identifier_key,
        case when normal_forms.problem is not null then normal_forms.identifier_key end
        as excluded_key,
        offered.identifier_type,
        case
            when normal_forms.raw_value is not null then normal_forms.problem
            when offered.identifier_value is null then 'blank'
            else 'too_long'
        end as problem,
        case
            when normal_forms.identifier_key is null then left(offered.identifier_value, 100)
        end as raw_value,
        bool_or(offered.is_confirmed) as is_confirmed,
        min(extract(epoch from offered.first_as_of)::bigint * 1000 + sources.rank) as anchor_order
    from offered
    inner join profiles using (profile_id)
    inner join sources using (source)
    left join normal_forms
        on
            offered.identifier_type = normal_forms.identifier_type
            and offered.identifier_value = normal_forms.raw_value
            and normal_forms.region = case
                when offered.identifier_type = 'phone' then sources.region else ''
            end
    group by 1, 2, 3, 4, 5, 6

),

normalised as (

    select
        grouped.*,
        rules.weight * 8
        + case when rules.is_account then 4 else 0 end
        + case when rules.is_weak then 2 else 0 end
        + case
            when rules.is_marker = 'always' then 1
            when rules.is_marker = 'confirmed' and grouped.is_confirmed then 1
            else 0
        end as strength
    from grouped
    left join rules using (identifier_type)

),

{%- if known %}

known as (

    select
        profile_key,
        identifier_key,
        excluded_key,
        identifier_type,
        problem,
        raw_value,
        is_confirmed,
        anchor_order,
        strength
    from {{ known }}
    where profile_key in (
        select profiles.profile_key from profiles
        inner join differing using (profile_id)
    )

),

changed as (

    select profile_key from (select * from normalised except select * from known) as added
    union
    select profile_key from (select * from known except select * from normalised) as removed

),

final as (

    select
        normalised.*,
        false as is_removed
    from normalised
    inner join changed using (profile_key)
    union all
    select
        changed.profile_key,
        null::bigint as identifier_key,
        null::bigint as excluded_key,
        ''::text as identifier_type,
        null::text as problem,
        null::text as raw_value,
        false as is_confirmed,
        0::bigint as anchor_order,
        0 as strength,
        true as is_removed
    from changed
    where not exists (
        select from normalised where normalised.profile_key = changed.profile_key
    )

)

{%- else %}

final as (

    select
        normalised.*,
        false as is_removed
    from normalised

)

{%- endif %}

select * from final
