"""Which language a text is in: by script first, then by the small words of Latin languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

UNKNOWN = "und"

# The commonest function words of each language, kept apart where they overlap: a word in several
# lists counts for each of them.
STOP_WORDS: Mapping[str, str] = {
    "en": "the of and to in is that it you for was on are with as be this have not or by from what "
    "which how can do does please my your me we they he she there would will about an at if "
    "i write give explain find who why when where all a make list following should could "
    "between into up out has been these those their his her its but so using tell let use",
    "fr": "le la les de des du un une et est en que qui dans pour pas sur ce cette il elle je tu "
    "nous vous ils avec par plus au aux ne se son sa ses mon ma mes ton ta tes votre vos "
    "notre nos leur leurs quel quelle quels quelles comment pourquoi où ou quoi l d qu c j n "
    "être avoir fait fais faire écris ecris donne explique ces cet mais si comme moi toi "
    "sont ai as a été ete peux peut dois suis entre sans sous très tres bien texte suivant",
    "es": "el la los las de del un una y es en que por para con no se su sus lo como más mas pero "
    "mi tu este esta qué cómo cuál dónde quién le al son hay fue ser está tiene sobre entre "
    "porque cuando muy sin desde me nos yo él ella escribe explica haz puedes cual",
    "de": "der die das und ist nicht ein eine einen einem einer zu in den dem des mit auf für von "
    "im sich auch es ich du er sie wir ihr wie was wer warum kann sind wird hat haben bei aus "
    "nach über um oder aber noch nur so mir mein meine bitte schreibe erkläre gib als dass",
    "it": "il lo la i gli le di del della dei delle un una e è in che per con non si da dal nel "
    "come più ma mi ti ci sono ha hai questo questa cosa chi perché quando dove anche al alla "
    "suo sua tra su scrivi spiega quale puoi essere fare dammi",
    "pt": "o a os as de do da dos das um uma e é em que para com não se por no na nos nas ao mais "
    "mas como seu sua eu você ele ela isso este esta qual quem quando onde porque são foi tem "
    "ser está muito sem sobre entre meu minha escreva explique faça pode me",
    "nl": "de het een en van is in op te dat die voor met niet zijn aan er ook als bij door maar "
    "om ik je jij hij zij we wij wat wie hoe waarom kan naar uit over dit deze nog wel mijn jouw "
    "heeft hebben schrijf geef leg wordt",
}
ACCENTS: Mapping[str, str] = {
    "fr": "çœêùûîôèà",
    "es": "ñ¿¡áíóú",
    "de": "äöüß",
    "pt": "ãõâçêô",
    "it": "ìòùàè",
}

# Script ranges, as (regular expression class, language). Kana decides for Japanese before Han.
SCRIPTS: tuple[tuple[str, str], ...] = (
    ("\u3040-\u30ff", "ja"),
    ("\uac00-\ud7af\u1100-\u11ff", "ko"),
    ("\u4e00-\u9fff\u3400-\u4dbf", "zh"),
    ("\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff", "ar"),
    ("\u0590-\u05ff", "he"),
    ("\u0400-\u04ff", "ru"),
    ("\u0370-\u03ff", "el"),
    ("\u0900-\u097f", "hi"),
    ("\u0980-\u09ff", "bn"),
    ("\u0e00-\u0e7f", "th"),
    ("\u0b80-\u0bff", "ta"),
    ("\u10a0-\u10ff", "ka"),
    ("\u0530-\u058f", "hy"),
)
_SCRIPT = {language: re.compile(f"[{ranges}]") for ranges, language in SCRIPTS}
_FOREIGN = re.compile("[" + "".join(ranges for ranges, _ in SCRIPTS) + "]")
# Bytes of Latin letters, accents and typographic signs in UTF-8: no script above begins with one.
_LATIN_BYTES = bytes((*range(0xCD), 0xE2))
_LETTER = re.compile(r"[^\W\d_]")
_PERSIAN = re.compile("[\u067e\u0686\u0698\u06af\u06cc]")
_UKRAINIAN = re.compile("[\u0454\u0456\u0457\u0491]")

# Of the letters, the share in a foreign script from which that script names the language: a
# Chinese question about "Python asyncio" is Chinese, an English one that quotes two signs is not.
FOREIGN_SHARE = 0.3


def find_script_language(text: str) -> str | None:
    """The language of a text mostly in a non-Latin script, or None. Only for non-ASCII texts.

    One sign of Chinese holds about as much as a word, so Han, kana and hangul count threefold.
    """
    leads = text.encode("utf-8", "replace").translate(None, _LATIN_BYTES)
    if not leads or _FOREIGN.search(text) is None:
        return None
    counts = {language: len(found.findall(text)) for language, found in _SCRIPT.items()}
    letters = len(_LETTER.findall(text)) or 1
    wide = counts["ja"] + counts["ko"] + counts["zh"]
    foreign = sum(counts.values())
    if (foreign + 2 * wide) / (letters + 2 * wide) < FOREIGN_SHARE:
        return None
    if counts["ja"] * 10 >= wide and counts["ja"]:
        return "ja"
    best = max(counts, key=lambda language: counts[language])
    if best == "ar" and len(_PERSIAN.findall(text)) * 15 >= counts["ar"]:
        return "fa"
    if best == "ru" and len(_UKRAINIAN.findall(text)) * 20 >= counts["ru"]:
        return "uk"
    return best


def find_latin_language(words: Iterable[bytes]) -> str:
    """The Latin-script language whose small words are most among these, or "und"."""
    scores = dict.fromkeys(STOP_WORDS, 0)
    for word in words:
        for language in _LANGUAGES_OF.get(word, ()):
            scores[language] += 1
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] else UNKNOWN


def _index_stop_words() -> dict[bytes, tuple[str, ...]]:
    found: dict[bytes, list[str]] = {}
    for language, words in STOP_WORDS.items():
        for word in words.split():
            found.setdefault(word.encode(), []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


_LANGUAGES_OF = _index_stop_words()
