{{ union_of('identifiers') }}
