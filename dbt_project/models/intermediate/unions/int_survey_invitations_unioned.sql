{{ union_of('survey_invitations') }}
