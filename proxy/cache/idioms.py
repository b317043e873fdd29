"""Ways of asking that are as good as another: one wording for each, before a prompt is read.

Only what asks for the very same answer; whatever stands in the place of X and Y is kept as it is.
English and French. The reader and the gist both see the text that comes out of here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set

from proxy.cache.grammar import PERSONS

_I = re.IGNORECASE
_ARTICLE = re.compile(r"^(?:the |la |le |l'|les )", _I)


def _apart(match: re.Match[str]) -> str:
    """Two places, in one order: it is as far back as there."""
    one, other = sorted(match.groups(), key=lambda place: _ARTICLE.sub("", place.lower()))
    return f"distance from {one} to {other}"


def _apart_french(match: re.Match[str]) -> str:
    one, other = sorted(match.groups(), key=lambda place: _ARTICLE.sub("", place.lower()))
    return f"distance de {one} à {other}"


# What must stand in the text (lower case), what is looked for, what it becomes.
_MEASURES = {
    "old": "age",
    "deep": "depth",
    "fast": "speed",
    "heavy": "weight",
    "wide": "width",
    "big": "size",
}
_SOME = r"(?=the |my |some |\d|two |three |four |five |six |seven |eight |nine |ten |a few )"
_QUELQUES = r"(?=les |mes |\d|deux |trois |quatre |cinq |six |sept |huit |neuf |dix |quelques )"
_Wording = str | Callable[[re.Match[str]], str]
_TABLE: tuple[tuple[str, str, _Wording], ...] = (
    # "say X in Y" is "translate X to Y"
    (" say ", r"\bhow (?:do|can|would|could|should) (?:you|i|we|one) say\b", "translate"),
    (" say ", r"\bhow to say\b", "translate"),
    ("comment ", r"\bcomment (?:dit-on|dire|on dit|dis-tu|est-ce qu'on dit)\b", "traduis"),
    # "what does X stand for" is "what does X mean"
    ("stand", r"\bstands? for\b", "mean"),
    ("veut dire", r"\bque veut dire\b", "que signifie"),
    # people who live somewhere are its population
    ("people", r"\bhow many people (?:live|lives|are there|are living) in\b",
     "how many inhabitants in"),
    ("combien d", r"\bcombien (?:de (?:personnes|gens)|d'habitants) (?:vivent|habitent|compte"
     r"|y a-t-il|a|il y a)\b", "combien d'habitants"),
    # the temperature at which it boils
    ("at what temperature", r"\bat what temperature do(?:es)? (.+?) (boil|melt|freeze)s?\b",
     r"what is the \2ing point of \1"),
    ("quelle température", r"\bà quelle température (bout|fond|gèle)\b",
     r"quelle est la température \1"),
    # how far is how large a distance
    ("how far", r"\bhow far (?:is it from|is|are) (.+?) (?:from|to) (.+?)(?=\W*$)",
     lambda match: f"what is the {_apart(match)}"),
    ("distance between", r"\bdistance between (.+?) and (.+?)(?=\W*$)", _apart),
    ("distance from", r"\bdistance from (.+?) to (.+?)(?=\W*$)", _apart),
    ("distance entre", r"\bdistance entre (.+?) et (.+?)(?=\W*$)", _apart_french),
    # which X is used somewhere is its X
    ("used in", r"\b(which|what) (\w+) (?:is|are) used in\b", r"\1 \2 of"),
    ("utilise", r"\b(quelle?) (\w+) utilise-t-on\b", r"\1 \2"),
    ("utilis", r"\b(quelle?) (\w+) est utilisée? ", r"\1 \2 "),
    # a list is what is asked for by "what are"
    ("list", rf"^\W*(?:please |can you |could you )?list (?:all |out )?{_SOME}",
     "what are "),
    ("list", r"^\W*(?:please )?(?:give me|show me|make|write) a list of\b", "what are"),
    ("name", rf"^\W*(?:please )?name the (?={'|'.join(PERSONS.split())})", "who is the "),
    ("name", rf"^\W*(?:please |can you |could you )?name (?:all )?{_SOME}",
     "what are "),
    ("liste", r"^\W*(?:donne-moi|fais(?:-moi)?|donnez-moi) (?:une|la) liste d(?:es|e)\b",
     "quels sont les"),
    ("liste", rf"^\W*listez?(?:-moi)? {_QUELQUES}", "quels sont "),
    ("cite", rf"^\W*citez?(?:-moi)? {_QUELQUES}", "quels sont "),
    ("énum", rf"^\W*énum[èé]rez?(?:-moi)? {_QUELQUES}", "quels sont "),
    # how old, deep, fast it is: its age, depth, speed
    *(
        (f"how {how}", rf"\bhow {how} (is|are|was|were) ", rf"what \1 the {measure} of ")
        for how, measure in _MEASURES.items()
    ),
    ("quel âge a", r"\bquel âge (?:a|ont) ", "quel est l'âge de "),
    # a difference is a comparison
    ("difference", r"(?:\bwhat(?:'s| is| are) )?(?:\bthe )?(?:main |key )?\bdifferences? between "
     r"(.+?),? and,? (.+?)(?=\W*$)", r"compare \1 and \2"),
    (" differ from ", r"\bhow do(?:es)? (.+?) differ from (.+?)(?=\W*$)",
     r"compare \1 and \2"),
    ("différence", r"\bquelles? (?:est la|sont les) (?:principales? )?différences? entre "
     r"(.+?) et (.+?)(?=\W*$)", r"compare \1 et \2"),
    # to correct this is to fix it; a recipe tells how to make it
    ("correct ", r"^\W*(?:please |can you |could you )?correct (?=this |the |my )", "fix "),
    ("recipe", r"^\W*(?:please )?(?:give me|show me|what is|what's|share) (?:a|the) recipe "
     r"(?:for|of) ", "how to make "),
    ("recette", r"^\W*(?:donne-moi|donnez-moi|quelle est) (?:une|la) recette d"
     r"(?:e la |es |u |e |')", "comment faire "),
    # "what is it that X is" is "what is X"
    ("qu'est-ce", r"\bqu'est-ce que c'est qu(?:e |')", "quel est "),
    ("qu'est-ce", r"\bqu'est-ce qu(?:e |')", "quel est "),
    ("est-ce qu", r"\best-ce qu(?:e |')", ""),
    # which artist did it is who did it
    *(
        (person, rf"\b(?:which|what) {person} (?!is\b|was\b|are\b|were\b)", "who ")
        for person in PERSONS.split()
    ),
    *(
        (person, rf"\bquel(?:le)? {person} (?!est\b|était\b|sont\b|étaient\b)", "qui ")
        for person in ("artiste", "auteur", "écrivain", "peintre", "scientifique", "inventeur",
                       "compositeur", "acteur", "actrice", "chanteur", "chanteuse")
    ),
    # a good idea is what one should do, the right to do it that one can
    ("good idea", r"\bis it a good idea (?:for me )?to\b", "should I"),
    ("bonne idée", r"\best-ce une bonne idée d(?:e |')", "dois-je "),
    ("allowed", r"\b(?:am i|are we|is one|are you) allowed to\b", "can I"),
    ("le droit d", r"\b(?:ai-je|a-t-on|avons-nous) le droit d(?:e |')", "puis-je "),
    # the formula or the command for it tells how it is done
    ("formula", r"\bwhat(?:'s| is) the formula (?:for|of|to calculate|to compute|to find)\b",
     "how to calculate"),
    ("formule", r"\bquelle est la formule (?:pour calculer |d(?:e |')|du )", "comment calculer "),
    (" command", r"\b(?:what(?:'s| is) the|which) (\w+ )?command (?:to|for|that)\b",
     r"how to \1"),
    (" commande ", r"\bquelle (?:est la )?commande (\w+ )?pour\b", r"comment \1"),
    # the number of them is how many they are
    ("number of", r"\bwhat(?:'s| is) the (?:total )?number of\b", "how many"),
    ("nombre d", r"\bquel est le nombre (?:total )?d(?=e |')", "combien d"),
    ("pour cent", r"\bpour cent\b", "pourcent"),
    # what it contains is in it
    (" contain", r"\b(what|which|how many|how much) (\w+) do(?:es)? (.+?) contain\b",
     r"\1 \2 in \3"),
    ("contien", r"\b(quelle?s? \w+|combien de \w+|combien d'\w+) contien(?:t|nent)\b", r"\1 dans"),
    ("faut-il pour", r"\bfaut-il pour\b", "ai-je besoin pour"),
    # the word "x" is "x"
    ("the word ", r"\b(?:of|for) the word\b", "of"),
    *(
        (f"the {what} ", rf"\bthe {what} (?=[\"\u201c'])", "")
        for what in ("word", "term", "sentence", "phrase", "expression")
    ),
    ("du mot ", r"\bdu mot\b", "de"),
    *(
        (f"{what} ", rf"\b{what} (?=[\u00ab\"\u201c'])", "")
        for what in ("le mot", "le terme", "la phrase", "l'expression")
    ),
    ("it true that", r"^\W*is it true that\b", "is it that"),
    ("vrai que", r"^\W*est-(?:il|ce) vrai que\b", "est-ce que"),
    (" makes ", r"\bwhat makes (?=.+? so )", "why is "),
    ("i do to ", r"\bwhat (?:can|could|should|must) i do to\b", "how to"),
    ("je faire pour", r"\bque (?:puis|dois|devrais|peux)-je faire pour\b", "comment"),
    ("été", r"\b(?:en|cet|pendant l'|l'|d'|un|chaque) ?été\b", "summer"),
    # turned on is enabled
    ("turn on", r"\bturn on\b", "enable"),
    ("turn off", r"\bturn off\b", "disable"),
    ("capital city", r"\bcapital city\b", "capital"),
    ("fonctionnement", r"\ble fonctionnement d(?:e |'|u |es )", "comment fonctionne "),
    ("au sujet d", r"\bau sujet d(?=e |'|u |es )", "sur d"),
    ("à propos d", r"\bà propos d(?=e |'|u |es )", "sur d"),
    ("cite", r"^\W*citez?(?:-moi)? (?=la |le |l')", "quel est "),
    # who wrote it is its author
    ("qui a écrit", r"\bqui a écrit\b", "qui est l'auteur de"),
)  # fmt: skip
_IDIOMS = tuple((needed, re.compile(pattern, _I), wording) for needed, pattern, wording in _TABLE)


# A text without any of these words is in that wording already.
_WORDS = """
say stand stands people temperature far distance used list name dit dire dis vivent habitent
habitants d'habitants bout fond gèle utilise utilisé utilisée liste listez cite citez énumère
énumérez écrit old deep fast heavy wide big âge difference differences differ différence différences
correct recipe recette ce qu'est idea idée allowed droit formula formule command commande number
nombre cent contain contient contiennent faut word mot turn city fonctionnement sujet propos
artiste auteur écrivain peintre scientifique inventeur compositeur acteur actrice chanteur chanteuse
true vrai makes faire été d'été l'été term sentence phrase expression l'expression terme
"""
PHRASE = "i do to"  # the same, of words that are in every second text
TRIGGERS = frozenset(word.encode() for word in f"{_WORDS} {PERSONS}".split())


def _needed(trigger: str) -> tuple[str, ...]:
    """Of which one stands in every text that holds this trigger and is worded otherwise."""
    found = (
        needed
        for needed, pattern, _ in _IDIOMS
        if trigger in pattern.pattern
        or any(trigger in part or (len(part) > 2 and part in trigger) for part in needed.split())
    )
    return tuple(dict.fromkeys(found))


NEEDED = {trigger: _needed(trigger.decode()) for trigger in TRIGGERS}


_NAMES = frozenset(trigger.decode() for trigger in TRIGGERS)


def is_worded(text: str, words: Set[str]) -> bool:
    """Whether a text is in that wording already, as nearly all are. words: its, in lower case."""
    return _NAMES.isdisjoint(words) and PHRASE not in text.lower()


def rephrase(text: str) -> str:
    """The text in the wording that stands for all of its kind."""
    low = text.lower()
    for needed, pattern, wording in _IDIOMS:
        if needed in low:
            text = pattern.sub(wording, text)
    return text
