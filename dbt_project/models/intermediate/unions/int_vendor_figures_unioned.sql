{{ config(materialized='view') }}

{{ union_of('vendor_figures') }}
