select relation.relname, attribute.attname
from pg_attribute as attribute
inner join pg_class as relation on attribute.attrelid = relation.oid
inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
where
    namespace.nspname in ('staging', 'intermediate', 'build', 'build_pii')
    and attribute.attname in ('remote_host', 'ip', 'ip_address', 'client_ip')
    and not attribute.attisdropped
-- depends on: {{ ref('fct_web_sessions') }}
