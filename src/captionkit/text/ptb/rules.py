"""The rules of the Penn Treebank tokeniser, in order: of the longest matches the first rule's wins.

They give what the tokeniser of the COCO caption evaluation gives (Stanford's PTBTokenizer 3.4.1, lower-cased),
quirks included: "Jr." keeps its period and "Bench." does not, "gonna" is two words, "C." before "The" is a letter
and a period but before "Two" an abbreviation, and one face ("<.[^x= ... <>]") is the accident of a wrongly
escaped bracket. Rules whose only effect is to give a period of its own are left out, because the evaluation drops
periods.

Character classes do not fold case, letters outside brackets do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from captionkit.text.ptb.automaton import CharacterSet
from captionkit.text.ptb.characters import DIGITS, LETTERS, MARKS
from captionkit.text.ptb.spelling import (
    ampersand,
    closing_quote,
    currency,
    dashes,
    drop,
    fraction,
    no_break,
    round_brackets,
    same,
    solid,
    telephone,
    without_last_of_two,
    written,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of token.

    Attributes:
        pattern: what the token looks like.
        before: what has to follow. It counts for the length of the match, but is left for the next token.
        spell: the match to the token as it is written; "" gives none.
        left: how many characters of the match are left for the next token.
    """

    pattern: str
    before: str = ""
    spell: Callable[[str], str] = same
    left: int = 0


def _any_of(*groups: str) -> str:
    """An expression for any of the words in groups of words separated by spaces."""
    return "(" + "|".join(word for group in groups for word in group.split()) + ")"


# Abbreviations that keep their period wherever they stand. Those with a bracket are words too, and are
# abbreviations only with a capital.
_PERIOD_ALWAYS = _any_of(
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thurs Fri",
    "Ala Ariz Calif Colo Conn Ct Dak Fla Ga Ind Kan Kans Ky Md Mich Minn Mo Mont Neb Nev Okla Penn Tenn Va Vt",
    "Wis Wisc Wyo [A]rk [A]z [D]el [I]ll [L]a [M]ass [M]iss [O]re [P]a [T]ex [W]ash",
    "Assn Bancorp Bhd Bros Co Corp Cos Inc Intl Ltd Plc Pp?t[ey]s? Rt Sys Univ",
    r"al Bldg Blvd Ed\.D Esq est etc ext Jr Ph\.D Rd seq sq Sr tel",
)
# Abbreviations that usually have a capital after them; single letters are initials.
_TITLES = _any_of(
    "Adj Adm Adv Assoc Asst Atty Attys Brig Capt Cmdr Col Comdr Cpl Det Dr Drs Ens Gen Gov Govs Hon Insp Lieut Lt",
    "Maj Messrs Mlle Mme Mr Mrs Ms Msgr [M]iss Pfc Pres Prof Profs Pvt Rep Reps Rev Sen Sens Sfc Sgt Spc Supts?",
    r"a\.k\.a Alex Ave cf Cie Dept Elec Ft Invt Jos Mt M[ft]g Natl Ph St Ste TREAS vs Wm [A-Za-z]",
)
_PERIOD_OR_SPACE = f"({_TITLES}|{{INITIALS}})"
_PERIOD_BEFORE_FIGURES = _any_of("art bldg ca fig figs no nos op pp prop")
# In the notation of `re`: words behind which a period may be part of the token.
ABBREVIATIONS = f"{_PERIOD_ALWAYS}|{_TITLES}|{_PERIOD_BEFORE_FIGURES}"
# Words that show, with their capital, that a sentence has ended before them.
_STARTS = _any_of(
    "[A] [A]bout [A]ccording [A]dditionally [A]fter [A]n [A]s [A]t [B]ut [E]arlier [H]e [H]er [H]ere [H]owever",
    r"[I]f [I]n [I]t [L]ast [M]any [M]ore [M]r\. [M]s\. [N]ow [O]nce [O]ne [O]ther [O]ur [S]he [S]ince [S]o",
    "[S]ome [S]uch [T]hat [T]he [T]heir [T]hen [T]here [T]hese [T]hey [T]his [W]e [W]hat [W]hen [W]hile [Y]et",
    "[Y]ou",
    "{MARKUP}",
)
_FILE_TYPES = _any_of(
    "bat bmp c cgi class cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png ppt ps",
    "py sql tar txt wav x xml zip",
)

NAMES: dict[str, str | CharacterSet] = {
    "LETTER": LETTERS,
    "DIGIT": DIGITS,
    "ALNUM": LETTERS | DIGITS,
    "MARKED": LETTERS | MARKS,
    "SPACE": r"[ \t\xA0\u2000-\u200A\u3000]",
    "NEWLINE": r"(\r|\r?\n|\u2028|\u2029|\x0B|\x0C|\x85)",
    "GAP": r"({SPACE}|{NEWLINE})",
    # "café", also as "caf&eacute;"
    "WORDCHAR": r"({MARKED}|&[aeiouAEIOU](acute|grave|uml);)",
    "WORDPART": r"{WORDCHAR}({WORDCHAR}|{DIGIT})*",
    "WORD": r"{WORDPART}([.!?]{WORDPART})*",
    "MARKUPNAME": r"[A-Za-z][A-Za-z0-9_:.\-]*",
    "MARKUP": r"<([!?][A-Za-z\-][^>\r\n]*|{MARKUPNAME}( +{MARKUPNAME}( *= *('[^']*'|\"[^\"]*\"))?)* *\/?"
    r"|\/{MARKUPNAME}) *>",
    "FIGURE": r"({DIGIT}+|{DIGIT}*([.:,\xAD\u066B\u066C]{DIGIT}+)+)",
    "APOSTROPHE": r"(['\x92\u2019]|&apos;)",
    "ANYAPOSTROPHE": r"({APOSTROPHE}|[`\x91\u2018\u201B])",
    "CONTRACTED": r"{APOSTROPHE}([msdMSD]|re|ve|ll)",
    "NOT": r"n{ANYAPOSTROPHE}t",
    # "o'clock-wise", "d'Art", "sky-blue"
    "ELIDED": r"([dDoOlL]{ANYAPOSTROPHE}{ALNUM})?{ALNUM}+",
    "HYPHENED": r"{ELIDED}([\-_\u058A\u2010\u2011]{ELIDED})*",
    "HYPHENED2": r"[A-Za-z0-9][A-Za-z0-9.,\xAD]*(-([A-Za-z0-9\xAD]+|{INITIALS2}\.))+",
    "JOINED": r"[A-Z]+(([+&]|&amp;)[A-Z]+)+",
    "PLACE": r"((Canada|Sino|Korean|EU|Japan|non)-U\.S|U\.S\.-(U\.K|U\.S\.S\.R))",
    "INITIALS": r"([A-Za-z](\.[A-Za-z])*|{PLACE})",
    "INITIALS2": r"([A-Za-z](\.[A-Za-z])+|{PLACE})",
    "AFTERWARD": r"[,;:\u3001]",
    # Addresses: what may stand in a path and end it, the parts of a site's name, and the parts of a mailbox
    "PATHCHAR": r"[^ \t\n\f\r\"<>|()]",
    "PATHEND": r"[^ \t\n\f\r\"<>|(){}.,!?\-]",
    "WWWPART": r"[^ \t\n\f\r\"<>|(){}.,!?]+\.",
    # From comma to underscore: figures and capitals too, as the reference has it
    "SITEPART": r"[^ \t\n\f\r\"<>|(){}.!?`',-_$]+\.",
    "MAILCHAR": r"[^ \t\n\f\r\"<>|(){}\xA0]",
    "HOSTCHAR": r"[^ \t\n\f\r\"<>|(){}\xA0.]",
    "DASH": r"[\- \xA0]",
    "AREA": r"(\([0-9]{2,3}\)[ \xA0]?|(\+{1,2})?[0-9]{2,4}{DASH}([0-9]{2,4}{DASH})?)",
    "SLASHED": r"[A-Za-z0-9]+(-[A-Za-z]+){0,2}",
}

RULES: tuple[Rule, ...] = (
    Rule(r"c\+\+|[cf]#|C#|F#"),
    Rule("cannot|'twas", left=3),
    Rule("'tis|gonna|gotta|lemme|gimme|wanna", left=2),
    Rule("{MARKUP}", spell=no_break),
    Rule(r"&(MD|mdash|ndash);|[\x96\x97\u2013-\u2015]", spell=written("--")),
    Rule("&amp;", spell=ampersand),
    Rule("&(HT|TL|UR|LR|QC|QL|QR|odq|cdq|#[0-9]+);"),
    # Words, and words before 's, 'll, n't and the like
    Rule("{WORD}", "{CONTRACTED}", solid),
    Rule(r"[A-Za-z\xAD]*[A-MO-Za-mo-z]\xAD*", "{NOT}", solid),
    Rule("{WORD}", spell=solid),
    Rule(
        "{APOSTROPHE}n{APOSTROPHE}?|[lLdDjJ]{APOSTROPHE}|(Dunkin|somethin|ol){APOSTROPHE}"
        "|{APOSTROPHE}(em|till?|[2-9]0s|cause)|[A-HJ-XZn]{ANYAPOSTROPHE}{LETTER}{LETTER}+"
        "|{LETTER}+[aeiouyAEIOUY]{ANYAPOSTROPHE}[aeiouA-Z]{LETTER}*|O{ANYAPOSTROPHE}o"
        r"|cont'd\.?|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l"
    ),
    Rule("y{APOSTROPHE}", "{LETTER}"),
    # Addresses
    Rule(r"https?://[^ \t\n\f\r\"<>|(){}]+{PATHEND}"),
    Rule(r"(www\.{WWWPART}+[a-zA-Z]{2,4}|{SITEPART}+(com|net|org|edu))(/{PATHCHAR}+{PATHEND})?"),
    Rule(r"(&lt;|<)?[a-zA-Z0-9]{MAILCHAR}*@({HOSTCHAR}+\.)*{HOSTCHAR}+(&gt;|>)?"),
    Rule("@[a-zA-Z_][a-zA-Z_0-9]*|#{WORDCHAR}+"),
    Rule("{CONTRACTED}", "[^A-Za-z]", closing_quote),
    Rule("{NOT}", "[^A-Za-z]", closing_quote),
    # Numbers
    Rule(r"{DIGIT}{1,2}[\-/]{DIGIT}{1,2}[\-/]{DIGIT}{2,4}"),
    Rule(r"[\-+]?{FIGURE}", spell=solid),
    Rule(r"[\u207A\u207B\u208A\u208B]?([\u2070\xB9\xB2\xB3\u2074-\u2079]+|[\u2080-\u2089]+)"),
    Rule(r"({DIGIT}{1,4}[\- \xA0])?{DIGIT}{1,4}(\\?/|\u2044){DIGIT}{1,4}", spell=no_break),
    Rule(r"[\xBC\xBD\xBE\u2153-\u215E]", spell=fraction),
    Rule(
        r"-(RRB|LRB|RCB|LCB|RSB|LSB)-|C\.D\.s|pro-|anti-|S(&|&amp;)P-500|S(&|&amp;)Ls|Cap{APOSTROPHE}n"
        "|c{APOSTROPHE}est",
        spell=ampersand,
    ),
    Rule(r"{SLASHED}(\\?/{SLASHED}){1,2}"),
    Rule(r"[A-Z]*\$|#"),
    Rule(r"[\xA2-\xA5\x80\u20A0\u20AC\u060B\u0E3F\u20A4\uFFE0\uFFE1\uFFE5\uFFE6]", spell=currency),
    # Abbreviations
    Rule(r"{INITIALS}\.", f"{{GAP}}+{_STARTS}{{GAP}}", without_last_of_two),
    Rule(rf"{_PERIOD_BEFORE_FIGURES}\.", "{GAP}?{DIGIT}"),
    Rule(r"(pt[eyY]|ptE|co)\.", "{SPACE}(ltd|lim)"),
    Rule(rf"{_PERIOD_ALWAYS}\.", "[^][^]"),
    Rule(rf"{_PERIOD_ALWAYS}\."),
    Rule(rf"{_PERIOD_OR_SPACE}\."),
    Rule(_PERIOD_OR_SPACE, "{SPACE}"),
    Rule("{INITIALS}", "{GAP}"),
    Rule("{APOSTROPHE}[0-9][0-9]", "{GAP}"),
    Rule(rf"(({{WORDCHAR}}|{{DIGIT}})+\.)+{_FILE_TYPES}", "({GAP}|[.?!,])"),
    Rule(r"{WORD}\.", "{AFTERWARD}", solid),
    Rule("{AREA}[0-9]{3,4}{DASH}?[0-9]{3,5}", spell=telephone),
    Rule(r"((\+{1,2})?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}", spell=telephone),
    # Signs
    Rule(r"\"|&quot;", "[A-Za-z0-9$]", written("``")),
    Rule(r"\"|&quot;", spell=closing_quote),
    Rule(r"\x7F", spell=drop),
    Rule("<|&lt;", spell=written("<")),
    Rule(">|&gt;", spell=written(">")),
    Rule(r"[<>]?[:;=][\-o\*']?[\(\)DPdpO\\{@\|\[\]]", "[^A-Za-z0-9]", round_brackets),
    Rule(
        r"[\^x=~<>]\.\[\^x=[^<]*<>\]|[\-\^x=~<>']_[\-\^x=~<>']|\([\-\^x=~<>'][_.]?[\-\^x=~<>']\)"
        r"|\([\^x=~<>']-[\^x=~<>'`]\)",
        spell=round_brackets,
    ),
    Rule(r"\{", spell=written("-LCB-")),
    Rule(r"\}", spell=written("-RCB-")),
    Rule(r"\[", spell=written("-LSB-")),
    Rule(r"\]", spell=written("-RSB-")),
    Rule(r"\(", spell=written("-LRB-")),
    Rule(r"\)", spell=written("-RRB-")),
    Rule("-+", spell=dashes),
    Rule(r"\.{3,5}|(\.[ \xA0]){2,4}\.|[\x85\u2026]", spell=written("...")),
    Rule("@+|#+|_+"),
    Rule(r"\*+|(\\\*){1,3}"),
    Rule("{AFTERWARD}"),
    Rule("[?!]+"),
    Rule(r"[.\xA1\xBF\u037E\u0589\u061F\u06D4\u0700-\u0702\u07FA\u3002=/]"),
    # Compounds
    Rule(r"{HYPHENED2}\.", "{AFTERWARD}", solid),
    Rule("{HYPHENED2}", spell=solid),
    Rule(r"{HYPHENED}\.", "{AFTERWARD}"),
    Rule("{HYPHENED}"),
    Rule(r"{JOINED}\.", "{AFTERWARD}", ampersand),
    Rule("{JOINED}", spell=ampersand),
    # Quotation marks that no rule above took
    Rule("'", r"[A-Za-z][^ \t\n\r\xA0]", written("`")),
    Rule("{CONTRACTED}|{NOT}", spell=closing_quote),
    Rule(
        r"{APOSTROPHE}|''|[`\x91-\x94\u2018-\u201F\u2039\u203A\xAB\xBB]{1,2}",
        spell=closing_quote,
    ),
    Rule("<<|>>"),
    Rule(
        r"[+%&~\^|\\\xA6\xA7\xA8\xA9\xAC\xAE\xAF\xB0-\xBA\xD7\xF7\u0387\u05BE\u05C0\u05C3\u05C6\u05F3\u05F4"
        r"\u0600-\u0603\u0606-\u060A\u060C\u0614\u061B\u061E\u066A\u066D\u0703-\u070D\u07F6-\u07F8\u0964\u0965"
        r"\u0E4F\u1FBD\u2016\u2017\u2020-\u2023\u2030-\u2038\u203B\u203E-\u2042\u2044\u207A-\u207F\u208A-\u208E"
        r"\u2100-\u214F\u2190-\u2BFF\u3012\u30FB\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]"
    ),
    # No token: white space, marks without width, and whatever else there is
    Rule(r"\0|{SPACE}+|[\u200B\u200E\u200F\uFEFF]|{NEWLINE}|&nbsp;", spell=drop),
    Rule("[^]", spell=drop),
)
