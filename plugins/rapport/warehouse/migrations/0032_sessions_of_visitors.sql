-- Web events have canonical names and a visitor, and sessions belong to visitors. The next build makes these
-- tables again from the landed records.
drop table if exists intermediate.int_web_events_unioned cascade;
drop table if exists intermediate.int_web_events_sessionised cascade;
drop table if exists intermediate.int_product_views_counted cascade;
