{{ config(materialized='view') }}

{{ union_of('conversation_targets') }}
