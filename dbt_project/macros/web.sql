{% macro url_path(url) -%}
    nullif(split_part(split_part(regexp_replace({{ url }}, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*', ''), '?', 1), '#', 1), '')
{%- endmacro %}

{% macro query_parameter(url, name) -%}
    nullif(substring({{ url }} from '[?&]{{ name }}=([^&#]*)'), '')
{%- endmacro %}

{% macro is_bot(user_agent) -%}
    coalesce({{ user_agent }} ~* '(bot|spider|crawl|slurp)', false)
{%- endmacro %}

{# The names that analytics tools give to the same event. The names in front are those of the models. #}
{% macro event_words() -%}
    {{ return({
        'page_view': ['pageview', 'pageviewed', 'viewedpage', 'loadedapage', 'amplitudepageviewed', 'virtualpageview', 'screenview', 'screenviewed', 'screen', 'page'],
        'product_view': ['viewitem', 'productview', 'productviewed', 'viewedproduct', 'viewproduct', 'viewcontent', 'productdetailview', 'productdetailviewed'],
        'view_item_list': ['viewitemlist', 'productlistviewed', 'productlistview', 'categoryviewed', 'viewedcategory', 'viewcategory'],
        'search': ['search', 'viewsearchresults', 'productssearched', 'sitesearch'],
        'add_to_cart': ['addtocart', 'productadded', 'addedtocart', 'addedproduct', 'productaddedtocart', 'addtobasket', 'addedtobasket'],
        'remove_from_cart': ['removefromcart', 'productremoved', 'productremovedfromcart'],
        'view_cart': ['viewcart', 'cartviewed', 'viewedcart'],
        'add_to_wishlist': ['addtowishlist', 'productaddedtowishlist', 'addedtowishlist'],
        'checkout_started': ['begincheckout', 'checkoutstarted', 'startedcheckout', 'startcheckout', 'initiatecheckout', 'checkoutinitiated'],
        'purchase': ['purchase', 'purchased', 'ordercompleted', 'completedorder', 'orderplaced', 'placedorder', 'checkoutcompleted', 'ecommerceorder', 'ecommercepurchase'],
        'sign_up': ['signup', 'signedup', 'usersignedup', 'registered', 'accountcreated', 'createaccount', 'completeregistration', 'registrationcompleted'],
        'login': ['login', 'loggedin', 'userloggedin', 'signin', 'signedin', 'usersignedin'],
        'generate_lead': ['generatelead', 'lead', 'leadgenerated', 'leadsubmitted'],
        'plan_upgrade': ['planupgrade', 'planupgraded', 'upgradedplan', 'subscriptionupgraded'],
    }) }}
{%- endmacro %}

{# The models' name of an event by GA4, Segment, PostHog, Matomo, Meta or Amplitude; any other name stays. Case,
   blanks and signs do not matter: "Product Viewed" and product_viewed are one name. #}
{% macro canonical_event_name(name) -%}
    case regexp_replace(lower({{ name }}), '[^a-z0-9]', '', 'g')
        {%- for canonical, words in event_words().items() %}
        {%- for word in words %}
        when '{{ word }}' then '{{ canonical }}'
        {%- endfor %}
        {%- endfor %}
        else {{ name }}
    end
{%- endmacro %}

{# What somebody does on a page. Other events, such as a request for a file, a failed request or the start of a
   session, do not prove that anybody saw a page. #}
{% macro is_done_on_a_page(name) -%}
    {{ name }} in ({% for canonical in event_words() %}'{{ canonical }}'{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# A campaign tag; NULL for words that mean nothing, such as (none), (not set) and (direct). #}
{% macro campaign_word(tag) -%}
    case
        when lower(btrim({{ tag }})) ~ '^(\(.*\)|none|direct|not set|null|undefined|-|)$' then null
        else btrim({{ tag }})
    end
{%- endmacro %}

{# The network that marked a link with the id of a click on an advertisement. #}
{% macro ad_network(url) -%}
    case
        when {{ url }} ~ '[?&](gclid|gbraid|wbraid|dclid)=[^&#]' then 'google'
        when {{ url }} ~ '[?&]msclkid=[^&#]' then 'bing'
    end
{%- endmacro %}

{# A click on an advertisement is paid, also if the tool calls it organic: it names the referring site. #}
{% macro event_medium(medium, url) -%}
    case
        when {{ ad_network(url) }} is not null and coalesce({{ campaign_word(medium) }}, 'organic') ~* '^(organic|referral)'
            then 'cpc'
        else {{ campaign_word(medium) }}
    end
{%- endmacro %}

{% macro host_of(url) -%}
    lower(substring({{ url }} from '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?(?:www\.)?([^/:?#]+)'))
{%- endmacro %}

{# Whether a host is one of the domains or below one. #}
{% macro is_host_of(host, domains) -%}
    {%- if domains -%}
        coalesce({{ host }} ~ {{ text_literal('(^|[.])(' ~ domains | map('lower') | join('|') | replace('.', '[.]') ~ ')$') }}, false)
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{# The referrer of an event, if it is another site: not the page's own site, no domain of the company, and no
   payment provider, which only sends visitors back. #}
{% macro outside_referrer(referrer, referrer_host, url_host) -%}
    case
        when {{ referrer_host }} is null then null
        when {{ is_host_of(referrer_host, var('own_domains')) }} then null
        when {{ is_host_of(referrer_host, var('payment_domains')) }} then null
        when right('.' || {{ referrer_host }}, length({{ url_host }}) + 1) = '.' || {{ url_host }} then null
        when right('.' || {{ url_host }}, length({{ referrer_host }}) + 1) = '.' || {{ referrer_host }} then null
        else {{ referrer }}
    end
{%- endmacro %}

{# Who visits: the device, which stays the same when somebody logs in, else the profile. #}
{% macro visitor_of(source, profile_id, device_id) -%}
    case
        when
            length({{ device_id }}) > 1
            and lower({{ device_id }}) !~ '^([0-]+|null|none|nil|nan|n/a|na|undefined|unknown|anonymous|[(]not set[)])$'
            then
                'device:' || {{ source }} || ':'
                || case when {{ source }} in ('files', 'postgres') then split_part({{ profile_id }}, ':', 2) else '' end
                || ':' || {{ device_id }}
        else {{ profile_id }}
    end
{%- endmacro %}

{# The origin of a session: its campaign tags, or else the referring site. #}
{% macro session_channel(source, medium, referrer) -%}
    case
        when {{ medium }} ~* '^(cp[acmvp]|ppc|paid|retargeting)' then 'paid'
        when {{ medium }} ~* '^e-?mail' then 'email'
        when {{ medium }} ~* 'social' then 'social'
        when {{ medium }} ~* '^(referral|affiliate|partner)' then 'referral'
        when {{ medium }} ~* '^organic' then 'organic_search'
        when {{ medium }} is not null then 'other'
        when {{ host_of(referrer) }} ~ '(^|\.)(google|bing|duckduckgo|ecosia|yahoo|yandex|baidu|qwant)\.' then 'organic_search'
        when {{ host_of(referrer) }} is not null then 'referral'
        when {{ source }} is not null then 'other'
        else 'direct'
    end
{%- endmacro %}
