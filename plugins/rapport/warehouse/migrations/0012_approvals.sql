-- An approval is used up by the run that planned with it, not by one that ended after it was given.

alter table activation.approvals add column acted_on_by text;
comment on column activation.approvals.acted_on_by is
    'The run whose plan let the change through.';
