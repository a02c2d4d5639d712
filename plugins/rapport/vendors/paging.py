"""A guard against endless pagination: a repeated page token stops the load.

>>> tokens = PageTokens("example: /v1/people")
>>> tokens.check("a"), tokens.check("b")
('a', 'b')
"""

from dataclasses import dataclass, field

from rapport.errors import GiveUp


@dataclass
class PageTokens:
    """Remembers the tokens of one walk and refuses a repeated one."""

    where: str
    seen: set[str] = field(default_factory=set)

    def check(self, token: str) -> str:
        """The token itself; raises `GiveUp` when it was given before in this walk."""
        if token in self.seen:
            raise GiveUp(
                f"{self.where}: pagination loop, the vendor gave the same page token twice. "
                "What was committed stays; run again, and tell the vendor if it happens again."
            )
        self.seen.add(token)
        return token
