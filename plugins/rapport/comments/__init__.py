"""Comments: the language and sentiment of free text, and whether it suggests an idea.

Only a hash of the text is stored with the result, in `comments.judgements`. py3langid and
vaderSentiment do the work on this machine, so no text leaves it.

>>> judge("Quick and friendly, best coffee in town.").language
'en'
"""

from rapport.comments.sentiment import Judgement, judge
from rapport.comments.step import read

__all__ = ["Judgement", "judge", "read"]
