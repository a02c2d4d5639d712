-- A list whose tool refuses many of its rows, night after night, is a state that people are told of.

alter table activation.list_states drop constraint list_states_state_check;
alter table activation.list_states
    add check (state in ('fine', 'waiting', 'failing', 'refusing'));
comment on column activation.sync_runs.status is
    'planned, success, partial (pushed to its end, but the tool refused rows), failed, or refused by a check of ours.';
