"""Reviews: the first part, whose sentence-level task is sentiment.

It is made so that neither a word of opinion nor a "not" gives the answer alone: about a third of the sentences turn an
opinion round ("The soup was not bland ."), others hold a negation that turns nothing round ("The film did not last
long , but it was superb ."), and after "but" or beside "although" the other clause decides. `negated` says whether the
deciding opinion is turned round; two negations that cancel each other ("The waiter never failed to impress us .") count
as none.
"""

from core.data import lexicon
from core.data.suite import review_clauses, review_feelings, review_pairs  # noqa: F401  (they fill the table of templates)
from core.data.suite.drawing import Draw
from core.data.suite.opinions import REVIEWS
from core.data.suite.phrases import COMMA, phrases_of
from core.data.suite.review_settings import set_in_scene
from core.data.suite.sentence import SuiteSentence, clause_labels, sentence_of
from core.data.suite.trees import Node


def build(draw: Draw, wish: str) -> tuple[SuiteSentence, ...]:
    """One review of the sentiment wished for."""
    draw.positive = wish == "positive"
    template = REVIEWS.pick(draw)
    clause, negated = template.build(draw)
    loud = clause.tag in ("ADJ", "NOUN") and not negated and draw.chance(0.1)
    stop = Node("!" if loud else ".", "PUNCT", "punct")
    tree = set_in_scene(draw, _opened(draw, clause), template.name).followed(stop)
    return (sentence_of(tree, template.name, {"sentiment": wish, **clause_labels(tree)}, negated=negated),)


def _opened(draw: Draw, clause: Node) -> Node:
    """Now and then with a word to the reader in front."""
    predicated = clause.tag in ("ADJ", "NOUN") and clause.before[0].relation == "nsubj"
    if not predicated or not draw.chance(0.12):
        return clause
    (opener,) = phrases_of(draw.pick(lexicon.VIEWPOINTS))
    opener = opener.labelled("discourse") if opener.tag == "INTJ" else opener
    return clause.led(opener.followed(COMMA))
