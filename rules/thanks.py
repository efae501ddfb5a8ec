"""Whether a message says thanks and nothing else, in English, German, French, Dutch or Spanish.

A thank-you reopens a solved ticket in most helpdesks, and nobody should be escalated to for it. Any word that is not known to be
a pleasantry makes the message one that wants to be read: a missed thank-you costs a look, a missed question costs trust.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 400
"""Characters of a message; a longer one says more than thanks."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_THANKS: Final = _words(
    "thanks thank thankyou thx thnx tnx ty cheers appreciated grateful danke dankeschon dankesehr vielendank dank "
    "bedanke merci remercie remercions bedankt dankje dankjewel dankuwel dankjulliewel gracias agradezco agradecido "
    "agradecida agradecemos"
)
_PLEASANT: Final = frozenset[str]().union(
    _words(  # English
        "you so very much many a lot again all for your the quick fast prompt great good excellent kind help "
        "support assistance response reply answer work job effort it works now is working fine perfect perfectly "
        "wonderful awesome super nice ok okay solved resolved fixed sorted problem issue that this really "
        "appreciate i we and have day weekend week evening hi hello dear hey team everyone best regards wishes "
        "sincerely yours greetings br rgds problems solving fixing helping sorting bye been has everything million "
        "ton tons bunch"
    ),
    _words(  # German
        "vielen herzlichen besten tausend schonen lieben sehr viele fur die den das der deine ihre eure ihr "
        "schnelle schneller hilfe unterstutzung antwort ruckmeldung bearbeitung es funktioniert jetzt nun wieder "
        "alles geht klappt prima toll klasse wunderbar perfekt gelost erledigt liebe hallo guten tag morgen moin "
        "gruss grusse grussen freundliche freundlichen viel mit mfg lg vg ich wir und schones wochenende einen "
        "abend auch nochmals noch mal fuer gruesse schoen gruessen unterstuetzung rueckmeldung geloest dir euch "
        "ihnen"
    ),
    _words(  # French
        "beaucoup bien mille grand infiniment pour votre ton ta vos aide reponse rapide rapidite reactivite "
        "soutien tout fonctionne maintenant parfait super genial cest c est bon resolu regle le la les probleme "
        "bonjour bonsoir salut cordialement bonne bonnes journee soiree fin de semaine week end et a vous tous "
        "toutes"
    ),
    _words(  # Dutch
        "je nous merveilleux excellente excellent intervention salutations encore jullie u heel erg hartelijk veel "
        "dank hulp voor de het snelle reactie antwoord ondersteuning werkt nu weer alles top geweldig perfect "
        "prima fijn fijne goed goede opgelost probleem hallo hoi beste groet groeten groetjes vriendelijke met mvg "
        "dag avond ik wij we en nogmaals super bedankt jouw uw weekend"
    ),
    _words(  # Spanish
        "muchas mil muchisimas por su tu vuestra la el ayuda respuesta rapida apoyo soporte todo funciona ahora ya "
        "bien perfecto excelente genial estupendo solucionado resuelto problema hola buenos buenas dias tardes "
        "noches saludos cordiales un saludo cordial y a ti usted ustedes vosotros os le les lo atencion que tenga "
        "tengan buen dia fin semana de nuevo"
    ),
)
_KIND_WORDS: Final = _THANKS | _PLEASANT
_GREETINGS: Final = _words(
    "hi hello dear hey hallo liebe lieber guten moin bonjour bonsoir salut cher chere hoi beste dag hola estimado estimada"
)
_CLOSINGS: Final = _words(
    "regards wishes sincerely cheers greetings br rgds grusse gruss grussen gruesse gruessen mfg lg vg cordialement "
    "salutations groet groeten groetjes mvg saludos saludo"
)
_A_NAME: Final = 3
"""Words of a name, at most."""
_ONLY_WITH: Final = (
    (
        _words("problem problems issue probleme problema problemas"),
        _words("solved resolved fixed sorted solving fixing gelost geloest erledigt resolu regle opgelost solucionado")
        | frozenset({"resuelto"}),
    ),
    (frozenset({"have"}), _words("day weekend week evening one")),
)
"""Words that are a pleasantry only beside one of others: a problem that is solved, a nice day to have."""
_QUOTED: Final = re.compile(
    r"^\s*(?:>|-{2,}\s*$|_{3,}\s*$|-----|on .{0,100} wrote:|am .{0,100} schrieb|le .{0,100} a écrit|op .{0,100} schreef"
    r"|el .{0,100} escribi[óo]|from:|von:|de\s?:|van:|sent from my|von meinem|envoyé de|verzonden vanaf|enviado desde)",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_NOT_WORDS: Final = re.compile(r"[\d?@]|https?://")


def only_thanks(text: str) -> bool:
    """Whether a message says thanks and nothing else. What is quoted below it, or signed, is left out.

    A first line may greet somebody by name, a last one may be the sender's name after a line that closes the message.
    """
    if text.isascii() and _THANKS.isdisjoint(_WORD.findall(text[: 4 * LONGEST].lower())):
        return False  # most messages
    own = _own_lines(text)
    said = "\n".join(own)
    if not own or len(said) > LONGEST or _NOT_WORDS.search(said):
        return False
    if len(own) > 1 and _greets(own[0]):
        own = own[1:]
    if len(own) > 1 and _closes(own[-2]) and _is_a_name(own[-1]):
        own = own[:-1]
    words = {_plain(word) for line in own for word in _WORD.findall(line)}
    if not words <= _KIND_WORDS or _THANKS.isdisjoint(words):
        return False
    return not any(some & words and beside.isdisjoint(words) for some, beside in _ONLY_WITH)


def _own_lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in text[: 4 * LONGEST].splitlines():
        if _QUOTED.match(line):
            break
        if line.strip():
            lines.append(line)
    return lines


def _is_a_name(line: str) -> bool:
    words = _WORD.findall(line)
    return len(words) <= _A_NAME and all(word[0].isupper() for word in words)


def _greets(line: str) -> bool:
    words = [_plain(word) for word in _WORD.findall(line)]
    return bool(words) and words[0] in _GREETINGS and len(words) <= _A_NAME + 2


def _closes(line: str) -> bool:
    words = [_plain(word) for word in _WORD.findall(line)]
    return line.rstrip().endswith(",") or not _CLOSINGS.isdisjoint(words)


def _plain(word: str) -> str:
    """In small letters without accents: `Schöne` and `schone` are one."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
