{{ config(materialized='view') }}

{{ union_of('companies') }}
