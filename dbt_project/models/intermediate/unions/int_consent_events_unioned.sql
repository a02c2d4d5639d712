{{ union_of('consent_events') }}
