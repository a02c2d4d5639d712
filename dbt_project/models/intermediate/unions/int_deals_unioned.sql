{{ config(materialized='view') }}

{{ union_of('deals') }}
