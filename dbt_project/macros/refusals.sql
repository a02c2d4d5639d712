{# Updates identity.refusals from the current profiles, in the transaction that builds the model.
   Repeating it changes nothing. #}
{% macro remember_refusals(heard) -%}
    {{ refusals_follow_their_profiles() }};
    {{ refusals_are_lifted(heard) }};
    {{ refusals_are_added(heard) }};
    {{ refusals_are_inherited() }};
    {{ refusals_keep_addresses() }};
    analyze identity.refusals;
    update identity.state set consents_as_of = greatest(consents_as_of, {{ as_of() }})
{%- endmacro %}

{# A refusal belongs to the current customer of its profile. If the profile was gone for a time, other
   customers that inherited the refusal lose it again. #}
{% macro refusals_follow_their_profiles() -%}
    with moved as (
        delete from identity.refusals as known
        using identity.members as members
        where known.profile_id = members.profile_id and known.customer_id <> members.customer_id
        returning known.*, members.customer_id as belongs_to
    )

    insert into identity.refusals
    select distinct on (profile_id, source, channel, purpose)
        source, profile_id, belongs_to, channel, purpose, event_id, occurred_at, policy_version,
        first_as_of, gone_after, identifier_keys
    from moved
    order by profile_id, source, channel, purpose, first_as_of, customer_id
    on conflict do nothing
{%- endmacro %}

{# A later grant by the same profile removes its refusal. #}
{% macro refusals_are_lifted(heard) -%}
    delete from identity.refusals as known
    using {{ heard }} as heard
    where
        heard.is_granted
        and known.profile_id = heard.profile_id
        and known.source = heard.source
        and known.channel = heard.channel
        and known.purpose = heard.purpose
        and heard.occurred_at > coalesce(known.occurred_at, known.first_as_of)
{%- endmacro %}

{% macro refusals_are_added(heard) -%}
    insert into identity.refusals
    (
        source, profile_id, customer_id, channel, purpose, event_id, occurred_at, policy_version,
        first_as_of
    )
    select
        source, profile_id, customer_id, channel, purpose, event_id, occurred_at, policy_version,
        {{ as_of() }}
    from {{ heard }}
    where not is_granted
    on conflict (profile_id, source, channel, purpose, customer_id) do update set
        event_id = excluded.event_id,
        occurred_at = excluded.occurred_at,
        policy_version = excluded.policy_version
    where
        (refusals.event_id, refusals.occurred_at, refusals.policy_version)
        is distinct from (excluded.event_id, excluded.occurred_at, excluded.policy_version)
        and coalesce(excluded.occurred_at >= refusals.occurred_at, true)
{%- endmacro %}

{# If the profile is gone and its customer is split, each part inherits the refusal, because it is
   unknown which part made it. #}
{% macro refusals_are_inherited() -%}
    update identity.refusals as known set gone_after = null
    where
        gone_after is not null
        and exists (select from identity.members where members.profile_id = known.profile_id);

    update identity.refusals as known
    set gone_after = coalesce((select consents_as_of from identity.state), first_as_of)
    where
        gone_after is null
        and not exists (select from identity.members where members.profile_id = known.profile_id);

    insert into identity.refusals
    select
        known.source, known.profile_id, parts.to_customer_id, known.channel, known.purpose,
        known.event_id, known.occurred_at, known.policy_version, known.first_as_of,
        known.gone_after, known.identifier_keys
    from identity.refusals as known
    left join identity.aliases as meaning on known.customer_id = meaning.alias_id
    inner join identity.merge_log as parts
        on parts.from_customer_id in (known.customer_id, meaning.customer_id)
    where parts.as_of > known.gone_after and parts.kind <> 'merged'
    on conflict do nothing
{%- endmacro %}

{# A refusal holds for every address that its profile ever had, so addresses are only added. #}
{% macro refusals_keep_addresses() -%}
    update identity.refusals as known
    set identifier_keys = array(
        select distinct key
        from unnest(known.identifier_keys || offered.keys) as all_keys (key)
        order by key
    )
    from (
        select offered.profile_id, array_agg(distinct forms.identifier_key) as keys
        from {{ ref('int_identifiers_unioned') }} as offered
        inner join identity.sources using (source)
        inner join identity.normal_forms as forms
            on
                offered.identifier_type = forms.identifier_type
                and offered.identifier_value = forms.raw_value
                and forms.region = case
                    when offered.identifier_type = 'phone' then sources.region else ''
                end
        where
            offered.identifier_type in ('email', 'phone', 'user_id')
            and forms.identifier_key is not null
            and offered.profile_id in (select profile_id from identity.refusals)
        group by offered.profile_id
    ) as offered
    where known.profile_id = offered.profile_id and not known.identifier_keys @> offered.keys
{%- endmacro %}
