"""The `activation` block of rapport.yml.

>>> ActivationOptions().consent.marketing
'opt_in'
"""

from typing import Literal

from pydantic import Field, field_validator

from rapport.settings import Block, load_settings

Rule = Literal["opt_in", "opt_out"]


class Cap(Block):
    """At most so many campaign messages in so many days, over all segments and destinations."""

    messages: int = Field(ge=1)
    days: int = Field(ge=1)


class Consent(Block):
    """What a purpose needs: consent (`opt_in`), or only no refusal (`opt_out`)."""

    marketing: Rule = "opt_in"
    feedback: Rule = "opt_in"
    service: Rule = "opt_out"


def _caps() -> dict[str, Cap]:
    return {
        "email": Cap(messages=4, days=7),
        "sms": Cap(messages=2, days=7),
        "push": Cap(messages=5, days=7),
    }


class ActivationOptions(Block):
    """Options for all lists.

    `salt` decides who is held out: a new salt draws new hold-outs. `control_share` of all customers
    get no marketing at all. A change of at most `change_floor` people needs no approval, whatever
    its share. If one run loses more than `consent_loss_share` of the consents to a purpose by a
    channel, nobody leaves a list for that reason without approval. `caps` limit messages by
    channel. A source is stale after `stale_after_hours` without a good load. Airflow waits
    `approval_hours` for an answer about a list that would change too much; an approval that is not
    used within `approval_days` lapses. Every `read_back_days` a list is read back from its
    destination and compared; 0 turns that off.
    """

    consent: Consent = Consent()
    salt: str = "rapport"
    control_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    change_floor: int = Field(default=25, ge=0)
    consent_loss_share: float = Field(default=0.05, ge=0.0, le=1.0)
    caps: dict[str, Cap] = Field(default_factory=_caps)
    approval_hours: int = Field(default=18, ge=1)
    approval_days: int = Field(default=7, ge=1)
    stale_after_hours: int = Field(default=36, ge=1)
    read_back_days: int = Field(default=7, ge=0)

    @field_validator("caps")
    @classmethod
    def _with_the_others(cls, value: dict[str, Cap]) -> dict[str, Cap]:
        """Channels that the file does not name keep their default cap."""
        return {**_caps(), **value}


def load_options() -> ActivationOptions:
    """The checked block; raises `ConfigError`."""
    return load_settings().checked("activation", ActivationOptions)
