-- What was read out of people's comments, without the comments.
create schema comments;

create table comments.judgements (
    text_hash bytea primary key,
    language text,
    sentiment text check (sentiment in ('positive', 'neutral', 'negative')),
    compound real check (compound between -1 and 1),
    abstained_because text check (abstained_because in ('short', 'language', 'words')),
    is_idea boolean not null,
    judged_by text not null,
    judged_as_of timestamptz not null,
    check ((sentiment is null) = (abstained_because is not null))
);
comment on table comments.judgements is
    'One row per distinct comment, known by the hash of its text: its language, how it feels, whether it asks for something. Gone with the comment.';
