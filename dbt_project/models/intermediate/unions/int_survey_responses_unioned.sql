{{ union_of('survey_responses') }}
