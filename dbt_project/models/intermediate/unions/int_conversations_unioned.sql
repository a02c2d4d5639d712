{{ union_of('conversations') }}
