{{ config(materialized='view') }}

{{ union_of('message_events') }}
