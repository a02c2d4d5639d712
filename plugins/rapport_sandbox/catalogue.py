"""The texts and lists of the invented company: products, plans, surveys, subjects and comments.

>>> PRODUCTS["p_101"].category
'coffee'
"""

from typing import NamedTuple

COMPANY = "Lindenquell (an invented company)"
WEB = "https://shop.lindenquell.example"


class Product(NamedTuple):
    name: str
    category: str
    price: float


_RANGE = {
    "coffee": "House blend,Espresso forte,Decaf,Single origin",
    "tea": "Darjeeling,Sencha,Rooibos,Peppermint",
    "machines": "Portafilter machine,Moka pot,Milk frother,Burr grinder",
    "cups": "Espresso cups,Latte glasses,Travel mug,Teapot",
    "sweets": "Almond biscuits,Dark chocolate,Honey,Marzipan",
    "gifts": "Gift box,Tasting set,Voucher,Workshop ticket",
}
_PRICES = {"coffee": 12.9, "tea": 8.5, "machines": 149.0, "cups": 19.9, "sweets": 6.4, "gifts": 35}
PRODUCTS = {
    f"p_{row * 100 + column}": Product(
        name, category, round(_PRICES[category] * (0.8 + column / 5), 2)
    )
    for row, category in enumerate(_RANGE, start=1)
    for column, name in enumerate(_RANGE[category].split(","), start=1)
}
PRODUCT_IDS = sorted(PRODUCTS)
CATEGORIES = sorted(_RANGE)
PLANS = {"basic": 9.9, "plus": 19.9, "family": 39.9}
CAMPAIGNS: tuple[tuple[str | None, str | None, str | None], ...] = (
    (None, None, None),
    ("google", "cpc", "brand"),
    ("newsletter", "email", "spring"),
    ("instagram", "social", "stories"),
    ("partner", "referral", "roasters"),
)
EVENTS = (
    "page_view", "product_view", "add_to_cart", "checkout_started", "purchase", "login", "sign_up",
    "search", "plan_upgrade",
)  # fmt: skip
SUBJECTS = {
    "de": "Lieferung kommt nicht an|Rechnung stimmt nicht|Frage zur Maschine|Abo kündigen",
    "en": "Where is my parcel|Invoice looks wrong|Grinder makes a noise|Change my plan",
    "fr": "Colis en retard|Erreur de facture|Question sur la machine|Modifier mon abonnement",
    "pl": "Gdzie jest paczka|Błąd na fakturze|Pytanie o młynek|Zmiana planu",
    "ru": "Где моя посылка|Ошибка в счёте|Вопрос о кофемолке|Отменить подписку",
}
PRAISE = {
    "de": "Sehr freundlich und schnell.|Der Kaffee ist großartig!|Alles bestens, gern wieder.",
    "en": "Quick and friendly.|Best coffee in town.|Would order again.",
    "fr": "Service rapide et aimable.|Un café délicieux !|Parfait.",
    "pl": "Szybka dostawa, polecam.|Pyszna kawa!|Wszystko w porządku.",
    "ru": "Быстро и вежливо.|Отличный кофе!|Всё понравилось.",
}
BLAME = {
    "de": "Drei Wochen gewartet, niemand antwortet.|Die Mühle war defekt.|Zu teuer geworden.",
    "en": "Waited three weeks for a reply.|The grinder broke twice.|<b>Too expensive</b> now.",
    "fr": "Trois semaines d'attente.|Le moulin est tombé en panne.|Trop cher.",
    "pl": "Czekam od trzech tygodni.|Młynek nie działa.|Za drogo.",
    "ru": "Ждал ответа три недели.|Кофемолка сломалась.|Стало слишком дорого.",
}
JOBS = ("Office manager", "Buyer", "Owner", "Barista", "Head of operations", "")
COMPANY_WORDS = ("Nordlicht", "Kiesel", "Ahorn", "Blauwal", "Marmor", "Funkel", "Sperling", "Anker",
                 "Zeder", "Distel")  # fmt: skip
COMPANY_FORMS = ("GmbH", "AG", "Ltd", "SARL", "Studio", "Works")
INDUSTRIES = ("HOSPITALITY", "RETAIL", "CONSULTING", "EDUCATION_MANAGEMENT")


class Form(NamedTuple):
    title: str
    ref: str
    kind: str
    lowest: int
    highest: int


FORMS = {
    "NpsQ1abc": Form("How likely are you to recommend Lindenquell?", "nps", "opinion_scale", 0, 10),
    "CsatO2de": Form("Your order: how did we do?", "csat", "rating", 1, 5),
    "CesT3fgh": Form("How easy was it to get help?", "ces", "opinion_scale", 1, 7),
}
FORM_IDS = tuple(FORMS)
AGENTS = {101: "Rita Falk", 102: "Tom Reuter", 103: "Nora Behm", 104: "Ivo Lang", 105: "Mila Hart"}
