create schema predictions;

create table predictions.parameters (
    model text not null,
    scope text not null,
    fitted_at timestamptz not null,
    version text not null,
    events bigint not null,
    parameters jsonb not null,
    is_published boolean not null,
    primary key (model, scope, fitted_at)
);
comment on table predictions.parameters is
    'One row per fit of a model; scope is the currency or the kind of churn that it is about.';

create table predictions.figures (
    model text not null,
    scope text not null,
    fitted_at timestamptz not null,
    metric text not null,
    value double precision,
    baseline double precision,
    is_decisive boolean not null,
    primary key (model, scope, fitted_at, metric)
);
comment on table predictions.figures is
    'One row per figure of a back-test: the model''s and that of the plain rule beside it.';

create table predictions.bins (
    model text not null,
    scope text not null,
    fitted_at timestamptz not null,
    bin integer not null,
    customers bigint not null,
    predicted double precision not null,
    actual double precision not null,
    share_of_actual double precision,
    primary key (model, scope, fitted_at, bin)
);
comment on table predictions.bins is
    'One row per tenth of the customers of a back-test, 1 has the highest predictions: means '
    'predicted and seen (calibration), and the share of all that was seen up to it (lift).';

create table predictions.standings (
    model text not null,
    scope text not null,
    model_version text,
    fitted_at timestamptz,
    is_stale boolean not null,
    abstained_reason text,
    primary key (model, scope)
);
comment on table predictions.standings is
    'One row per model and scope as of the latest night: which fit speaks, or why none does.';

create table predictions.histories (
    customer_id text collate "C" not null,
    currency text not null,
    orders integer not null,
    revenue numeric not null,
    repeats integer not null,
    last_day integer not null,
    age integer not null,
    mean_value double precision,
    primary key (customer_id, currency)
);
comment on table predictions.histories is
    'One row per customer and currency: purchase days after the first, days from the first to the '
    'last and to the night, mean value of a repeat.';

create table predictions.purchase_scores (
    currency text not null,
    repeats integer not null,
    last_day integer not null,
    age integer not null,
    p_alive double precision not null,
    expected_orders_90d double precision not null,
    expected_orders_365d double precision not null,
    primary key (currency, repeats, last_day, age)
);
comment on table predictions.purchase_scores is
    'One row per distinct purchase history: all customers who have it get the same figures.';

create table predictions.churn_scores (
    customer_id text collate "C" primary key,
    kind text not null,
    churn_probability double precision
);
comment on table predictions.churn_scores is
    'One row per customer who can churn; without a probability where the model abstains.';

create table predictions.product_scores (
    customer_id text collate "C" not null,
    rank smallint not null,
    product_id text not null,
    because_product_id text not null,
    score double precision not null,
    primary key (customer_id, rank)
);
comment on table predictions.product_scores is
    'One row per customer and suggested product, 1 is the best.';

create table predictions.personas (
    customer_id text collate "C" primary key,
    persona text not null,
    traits text[] not null,
    since timestamptz not null
);
comment on table predictions.personas is
    'One row per customer; the persona is remembered, so that it changes on a clear margin only.';

create table predictions.contact_scores (
    customer_id text collate "C" primary key,
    channel text,
    channel_events integer not null,
    hour smallint,
    hour_events integer not null
);
comment on table predictions.contact_scores is
    'One row per customer with a sign of when or where they can be reached.';

create table predictions.state (
    is_only boolean primary key default true check (is_only),
    as_of timestamptz not null,
    fingerprint text not null
);
comment on table predictions.state is
    'One row: what the predictions that stand were made of; the same again is not made again.';
