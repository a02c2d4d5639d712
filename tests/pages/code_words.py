"""The warehouse's words for states, reasons and kinds, which every catalogue has to translate.

What a company wrote itself, such as the name of a segment, and names of columns stay as they are.
"""

from rapport.card.predictions import ABSTAINS, EXPLANATION, NONE_YET

# fmt: off
CODES = frozenset((
    "abandoned", "active", "add", "approved", "big spender", "birth date", "bounced", "cancelled",
    "cart", "channel", "churn risk", "clicked", "closed", "cohort", "complained", "consent",
    "consent lost", "control", "conversation", "country", "declined", "delivered", "detractor",
    "dissatisfied", "easy", "email", "erasure", "expected orders 90d", "expired", "failed",
    "failure", "feedback", "first name", "frequency cap", "frozen", "goal reached", "granted",
    "hard", "help seeker", "high", "hold", "holdout", "identity confidence", "last name",
    "ledger lost", "low", "lower priority", "marketing", "medium", "members", "message", "neutral",
    "new", "newcomer", "next product", "no address", "no consent", "open", "open ticket", "opened",
    "order", "orphaned", "paid", "partial", "partial failure", "passed", "passive", "past due",
    "payment", "pending", "persona", "phone", "plan", "planned", "postal code",
    "predicted clv 365d", "preferred channel", "promoter", "purchased", "quiet", "refunded",
    "refused", "region", "regular buyer", "rejected", "remove", "retired", "running", "satisfied",
    "segment", "service", "solved", "stale", "stale source", "started", "street", "subscription",
    "succeeded", "success", "suppressed", "suppressor unknown", "survey response", "treated",
    "trialing", "unreadable", "unreadable definition", "unsubscribed", "update", "user id",
    "visited", "waiting", "waiting for approval", "web session", "window shopper", "withdrawn",
    NONE_YET, ABSTAINS, EXPLANATION,
))
# fmt: on
