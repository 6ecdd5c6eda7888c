"""English sentences for synthetic voices: all vowels and consonants, plain words."""

import itertools
from typing import List

SUBJECTS = [
    *("The old captain", "My younger sister", "A stranger from the village"),
    *("The girl with the umbrella", "Our neighbour's dog", "The doctor", "Nobody"),
    *("A group of children", "The postman", "His uncle George", "The choir"),
]
ACTIONS = [
    *("found a blue box", "was singing quietly", "bought some fresh bread"),
    *("watched the ships go by", "lost the keys again", "laughed at the joke"),
    *("fixed the broken chair", "shouted for joy", "told us a long story"),
    *("wrote down the address", "waited for the bus", "heard a strange noise"),
]
PLACES = [
    *("near the harbour", "on Thursday evening", "behind the white house"),
    *("in the middle of the bridge", "before breakfast", "without saying a word"),
    *("under the cherry tree", "at the edge of the forest", "for the third time"),
    *("just as the sun went down", "with both hands"),
]


def english_sentences() -> List[str]:
    """Return every sentence."""
    return [f"{s} {a} {p}." for s, a, p in itertools.product(SUBJECTS, ACTIONS, PLACES)]
