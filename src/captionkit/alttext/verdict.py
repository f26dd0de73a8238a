"""The verdict on a picture's alternative text, after the alt decision tree of the W3C Web Accessibility Initiative
(Images Tutorial, "An alt Decision Tree").

The tree asks, in this order: does the image contain text, is it in a link or a button, does it add to the
meaning of the page, is it purely decorative. What a machine can see of each question is written at the rule.
"""

from __future__ import annotations

import re
import unicodedata
import urllib.parse
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from captionkit.alttext.appearance import Appearance
from captionkit.alttext.formats.context import FILLED_IN, PARTLY_WRITTEN
from captionkit.alttext.formats.pictures import Picture, brief, squeeze
from captionkit.errors import UsageError, nearest

MAX_LENGTH = 125
SPACER_PIXELS = 3
ICON_PIXELS = 32


class Verdict(StrEnum):
    """What is to be said of a picture's alternative text."""

    MISSING = "missing"
    PLACEHOLDER = "placeholder"
    REDUNDANT = "redundant"
    DECORATIVE = "decorative"
    FUNCTIONAL = "functional"
    TEXT = "text"
    TOO_LONG = "too-long"
    OK = "ok"


WANTS_DESCRIPTION = frozenset([Verdict.MISSING, Verdict.PLACEHOLDER])


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and, in one sentence, what it rests on and what to do."""

    verdict: Verdict
    reason: str


# Names that say what kind of file or thing it is, and nothing of what it shows.
_GENERIC = frozenset([
    "alt", "alternative", "artwork", "banner", "caption", "clipart", "cover", "default", "description", "dummy",
    "figure", "fig", "file", "foto", "graphic", "graphics", "hero", "icon", "illustration", "image", "images",
    "img", "logo", "media", "none", "null", "object", "photo", "photograph", "photography", "photos", "pic",
    "picture", "pictures", "placeholder", "screenshot", "shot", "slide", "spacer", "tbd", "text", "thumb",
    "thumbnail", "todo", "undefined", "unnamed", "untitled", "untitled1", "bild", "abbildung",
])  # fmt: skip
_FILLERS = frozenset(
    ["a", "an", "the", "of", "my", "this", "is", "here", "for", "our", "alt", "text", "no", "untitled", "generic"]
)
# What cameras, phones and programs call a new picture: a word and a number, and what they put behind it.
_CAMERA = re.compile(
    r"(?:copy of )?_?(?:img|dsc|dscn|dscf|dcim|pxl|p|pict|mvimg|dji|gopr|scan|image|screenshot|screen shot|"
    r"(?:pasted|whatsapp) image)[ _-]*\d(?:[\d _.()~-]|at(?= \d)|[ap]m|wa(?=\d)|mp|hdr|burst|cover|copy|edited)*",
    re.I,
)
_PHOTO_OF = re.compile(
    r"(?:an? |the )?(?:image|picture|photo|photograph|graphic|pic|screenshot)(?: of)?[:.]?", re.I
)
_SUFFIX = re.compile(
    r"\.(?:jpe?g|jfif|png|gif|webp|svg|tiff?|bmp|avif|hei[cf]|ico|dng|cr[23]|nef|arw|raf|orf|rw2)$", re.I
)

# Words that announce a picture that must be read rather than seen.
_READ_WORDS = {
    word: kind
    for kind, words in {
        "a chart": "chart barchart piechart histogram graph plot scatterplot heatmap infographic",
        "a diagram": "diagram flowchart schematic schema architecture workflow uml timeline floorplan blueprint",
        "a screenshot": "screenshot screencast screen",
        "a logo": "logo wordmark",
        "a badge": "badge",
        "text": "receipt invoice scan certificate handwriting",
        "a formula": "equation formula",
        "a table": "table",
        "a map": "map",
        "a code to scan": "qr qrcode barcode",
    }.items()
    for word in words.split()
}
_ALWAYS_READ = frozenset(
    ["a chart", "a diagram", "a screenshot", "a logo", "a badge", "a formula", "a code to scan"]
)


def parse_verdicts(value: str) -> frozenset[Verdict]:
    """A comma-separated list of verdicts, as `--fail-on` takes it; `any` stands for all but decorative and ok.

    Raises:
        UsageError: a name that is no verdict.
    """
    names = [name.strip().lower() for name in value.split(",") if name.strip()]
    if value and not names:
        raise UsageError(f"Expected verdicts such as missing,placeholder, but got '{value}', which names none.")
    known = [verdict.value for verdict in Verdict]
    if names == ["any"]:
        return frozenset(Verdict) - {Verdict.DECORATIVE, Verdict.OK}
    for name in names:
        if name not in known:
            raise UsageError(
                f"Expected verdicts such as missing,placeholder, but got '{name}'; {nearest(name, known)}"
            )
    return frozenset(Verdict(name) for name in names)


def judge(picture: Picture, appearance: Appearance | None, *, max_length: int = MAX_LENGTH) -> Judgement:
    """The verdict on one picture.

    Args:
        picture: the picture with its context.
        appearance: what its pixels say; None where they cannot be had or were not looked at.
        max_length: characters beyond which an alternative text is too long.
    """
    alt = squeeze(picture.alt or "")
    name = alt or picture.label
    if picture.fixed == FILLED_IN:
        return Judgement(Verdict.OK, "A template fills in its alternative text.")
    # Of a hidden one the text is not spoken either; a label is, and takes such a role away.
    if name and (picture.label or not picture.hidden):
        return _judge_text(picture, alt, appearance, max_length)
    if picture.fixed == PARTLY_WRITTEN:
        return Judgement(Verdict.OK, "A template writes parts of its tag, which may be its alternative text.")
    says_nothing = _is_control(picture) and not picture.context.link_text
    if picture.hidden or (picture.decorative and not says_nothing):
        return Judgement(Verdict.DECORATIVE, "It is marked as decorative: screen readers pass it over.")
    return _judge_absent(picture, appearance)


def _judge_text(picture: Picture, alt: str, appearance: Appearance | None, max_length: int) -> Judgement:
    """There is a name. Is it one, is it new, is it short?"""
    if not alt:
        return Judgement(Verdict.OK, "aria-label, aria-labelledby or the title of its SVG names it.")
    context = picture.context
    if what := placeholder(alt, picture.source):
        if _is_control(picture):
            better = 'give it alt=""' if context.link_text else "say where it leads or what it does"
            return Judgement(
                Verdict.FUNCTIONAL, f"{_control(picture)}, and its alternative text is {what}: {better}."
            )
        if read := _to_be_read(picture, appearance):
            return Judgement(Verdict.TEXT, f"Its alternative text is {what}. {_read_by_person(read)}")
        return Judgement(
            Verdict.PLACEHOLDER, f"Its alternative text is {what}, which says nothing of the picture."
        )
    key = _key(alt)
    for beside, where in (
        (context.caption, "its caption"),
        (context.link_text, "the text of its link"),
        (context.nearby, "the text beside it"),
    ):
        if key and (key == _key(beside) or (where == "its caption" and key in _key(beside) and len(key) > 12)):
            return Judgement(Verdict.REDUNDANT, f"It repeats {where}: a screen reader says the same thing twice.")
    if len(alt) > max_length:
        return Judgement(
            Verdict.TOO_LONG,
            f"It has {len(alt)} characters, more than {max_length}: keep the gist, put the rest into the text.",
        )
    if _is_control(picture) and not context.link_text:
        return Judgement(Verdict.OK, f"{_control(picture)}: check that the alternative text says what it does.")
    return Judgement(Verdict.OK, "It has alternative text.")


def _judge_absent(picture: Picture, appearance: Appearance | None) -> Judgement:
    """There is no name. What would the right one be?"""
    context = picture.context
    if _is_control(picture):
        if context.link_text:
            return Judgement(Verdict.FUNCTIONAL, f'{_control(picture)}: give it alt="".')
        return Judgement(
            Verdict.FUNCTIONAL,
            f"{_control(picture)} without any text: say where it leads or what it does, not what it looks like.",
        )
    size = _size(picture, appearance)
    told = f"It is only {size[0]:g} x {size[1]:g} pixels" if size else ""
    if size and min(size) <= SPACER_PIXELS:
        return Judgement(Verdict.DECORATIVE, f'{told}, a spacer or a rule: give it alt="".')
    if what := _to_be_read(picture, appearance):
        return Judgement(Verdict.TEXT, _read_by_person(what))
    if size and max(size) <= ICON_PIXELS:
        return Judgement(Verdict.DECORATIVE, f'{told}, an icon: give it alt="" unless it carries meaning.')
    if picture.alt:
        return Judgement(Verdict.MISSING, 'Its alternative text is white space: describe it, or give it alt="".')
    if picture.title:
        return Judgement(Verdict.MISSING, "It has a title only, which many screen readers do not say.")
    return Judgement(Verdict.MISSING, "It has no alternative text.")


def placeholder(alt: str, source: str = "") -> str:
    """What kind of placeholder an alternative text is; empty where it is none.

    Args:
        alt: the alternative text.
        source: the picture's address, whose file name is a common stand-in.
    """
    text = squeeze(alt)
    file = _file_name(source)
    stem = PurePosixPath(file).stem
    if not any(unicodedata.category(character)[0] in "LNS" for character in text):
        return "punctuation alone"
    if (_SUFFIX.search(text) and " " not in text) or text.casefold() == file.casefold():
        return "a file name"
    # One plain word may be both a file's name and a fair description ("sunflower.jpg"): it is let be.
    if text.casefold() == stem.casefold() and not stem.isalpha():
        return "its file name"
    if _CAMERA.fullmatch(_SUFFIX.sub("", text)):
        return "a camera's file name"
    if _PHOTO_OF.fullmatch(text):
        return f"'{text}' and no more"
    words = re.findall(r"[^\W\d_]+", text.casefold())
    if all(word in _GENERIC or word in _FILLERS for word in words) and set(words) & _GENERIC:
        return f"the generic '{text}'"
    if not words and text.isascii() and any(character.isdigit() for character in text):
        return "a number alone"
    return ""


def _read_by_person(what: str) -> str:
    return f"It looks like {what}: a caption model cannot read it, a person must say what it says."


def _is_control(picture: Picture) -> bool:
    return picture.context.link is not None or picture.context.button


def _control(picture: Picture) -> str:
    context = picture.context
    target = f" to {brief(context.link, 60)}" if context.link else ""
    words = f" that says '{brief(context.link_text, 60)}' already" if context.link_text else ""
    return f"It is a {'button' if context.button else f'link{target}'}{words}"


def _size(picture: Picture, appearance: Appearance | None) -> tuple[float, float] | None:
    """Declared size, and where one side is not declared the picture's own."""
    width, height = picture.width, picture.height
    if appearance is not None and not appearance.vector:
        width = appearance.width if width is None else width
        height = appearance.height if height is None else height
    return None if width is None or height is None else (width, height)


def _to_be_read(picture: Picture, appearance: Appearance | None) -> str:
    """What the picture is where it must be read; from the format, the names around it, and its pixels."""
    if picture.drawing:
        return picture.drawing
    named = _announced(_name_words(picture.source))
    if named in _ALWAYS_READ:
        return named
    captioned = _announced(re.findall(r"[^\W\d_]+", picture.context.caption.casefold()))
    if captioned in ("a chart", "a diagram", "a screenshot", "a formula"):
        return captioned
    if appearance is None:
        return named
    if appearance.vector:
        return named or "a drawing (SVG)"
    if appearance.drawing:
        return named or "a drawing, a chart or text (few colours, hard edges)"
    return ""


def _file_name(source: str) -> str:
    """The file's name in a picture's address; empty where it has none, as data: has, or cannot be read."""
    if source.lstrip()[:5].lower() == "data:":
        return ""
    try:
        return PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(source).path)).name
    except ValueError:  # "http://[x"
        return ""


def _name_words(source: str) -> list[str]:
    name = PurePosixPath(_file_name(source)).stem
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W\d_]+", split.casefold())


def _announced(words: list[str]) -> str:
    for word in words:
        kind = _READ_WORDS.get(word) or _READ_WORDS.get(word.removesuffix("s"))
        if kind:
            return kind
    return ""


def _key(text: str) -> str:
    """Letters and digits alone, for telling whether two texts say the same."""
    return "".join(
        character for character in unicodedata.normalize("NFKC", text).casefold() if character.isalnum()
    )
