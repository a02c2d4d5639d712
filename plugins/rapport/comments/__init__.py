"""What people say in their own words: its language, how it feels, whether it asks for something.

The text stays where it is; `comments.judgements` knows it by its hash. It is all done on this
machine, by py3langid and vaderSentiment.
"""

from rapport.comments.judging import Judgement, judge
from rapport.comments.reading import read

__all__ = ["Judgement", "judge", "read"]
