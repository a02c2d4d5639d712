select *
from {{ ref('mart_sentiment_daily') }}
where positive + neutral + negative + abstained <> comments
