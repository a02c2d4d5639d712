"""Words of states in other languages, which a dataset declares by `values`.

`rapport.vendors.words` knows English words, which every dataset reads without being told.

>>> meant("conversations", "status", "Geschlossen"), meant("orders", "status", "Versendet")
('closed', 'paid')
"""

from rapport.vendors.words import plain

_MEANT: dict[tuple[str, str], dict[str, str]] = {
    ("orders", "status"): {
        "paid": "bezahlt abgeschlossen versendet geliefert erledigt payée payé pagado pagada",
        "pending": "offen ausstehend in_bearbeitung in_vorbereitung wartend en_attente pendiente",
        "refunded": "erstattet rückerstattet gutgeschrieben retourniert remboursée reembolsado",
        "cancelled": "storniert abgebrochen fehlgeschlagen annulliert annulée cancelado",
    },
    ("orders", "kind"): {
        "sale": "verkauf rechnung bestellung",
        "refund": "gutschrift rechnungskorrektur retoure storno erstattung",
        "test": "ja testbestellung",
    },
    ("subscriptions", "status"): {
        "active": "aktiv laufend actif activo",
        "trialing": "testphase probezeit",
        "past_due": "überfällig in_verzug",
        "cancelled": "gekündigt beendet abgelaufen inaktiv pausiert résilié cancelado",
    },
    ("payments", "status"): {
        "succeeded": "bezahlt erfolgreich eingegangen",
        "failed": "fehlgeschlagen abgelehnt geplatzt",
        "refunded": "erstattet rückerstattet rücklastschrift",
        "pending": "offen ausstehend in_bearbeitung",
    },
    ("conversations", "status"): {
        "new": "neu nouveau nuevo",
        "open": "offen in_bearbeitung wieder_geöffnet ouvert abierto",
        "pending": "wartend wartet ausstehend wartet_auf_kunde en_attente pendiente",
        "solved": "gelöst erledigt behoben résolu resuelto",
        "closed": "geschlossen abgeschlossen archiviert fermé cerrado",
    },
    ("conversations", "priority"): {
        "urgent": "dringend kritisch sehr_hoch",
        "high": "hoch élevée alta",
        "normal": "mittel",
        "low": "niedrig gering basse baja",
    },
    ("conversations", "channel"): {"phone": "telefon anruf", "web": "formular kontaktformular"},
    ("consent_events", "status"): {
        "granted": "ja erteilt angemeldet zugestimmt eingewilligt abonniert oui sí",
        "withdrawn": "nein widerrufen abgemeldet abgelehnt non",
    },
    ("consent_events", "purpose"): {"marketing": "werbung", "feedback": "umfrage befragung"},
    ("message_events", "event_type"): {
        "sent": "gesendet versendet",
        "delivered": "zugestellt",
        "opened": "geöffnet",
        "clicked": "geklickt angeklickt",
        "bounced": "unzustellbar",
        "unsubscribed": "abgemeldet",
    },
}


def meant(entity: str, column: str, word: str) -> str | None:
    """What the word means in the column of the entity; None where it is not in the list."""
    found = plain(word)
    for meaning, said in _MEANT.get((entity, column), {}).items():
        if found in said.split():
            return meaning
    return None


def translated(word: str) -> str | None:
    """What the word means in any column; None where it is in no list."""
    return next((found for key in _MEANT if (found := meant(*key, word)) is not None), None)
