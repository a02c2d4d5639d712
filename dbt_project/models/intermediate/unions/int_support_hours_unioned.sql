{{ config(materialized='view') }}

{{ union_of('support_hours') }}
