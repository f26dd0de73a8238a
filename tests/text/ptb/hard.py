"""Captions that are hard to tokenise: written by hand, and made by a small grammar."""

from __future__ import annotations

from collections.abc import Callable, Iterator

HARD: tuple[str, ...] = (
    # Plain
    "",
    " ",
    ".",
    "A man rides a horse.",
    "A man rides a horse",
    "A man rides a horse .",
    "  Two   dogs , one brown , run  .  ",
    "A BIG RED BUS STOPS.",
    # Abbreviations and the end of the line
    "Mr. Smith meets Mrs. Jones and Dr. Brown.",
    "The house stands on Elm St.",
    "The house on Elm St. is yellow.",
    "A portrait of Martin Luther King Jr.",
    "Martin Luther King, Jr., speaks.",
    "A flag of the U.S.",
    "The U.S. flag flies. The U.S. The flag.",
    "A U.S. Navy plane, a U.K. jet and a U.S.S.R. one.",
    "It is 8 a.m. or 9 p.m. in Washington D.C.",
    "An A.T.M. machine; a D.J. plays.",
    "Fruit, e.g. apples, i.e. red ones, etc.",
    "Fruit, etc. on a table",
    "Red vs. blue, approx. 5 ft. tall",
    "No. 5 is running, no. 6 is not, no.",
    "See fig. 3 and fig. a, pp. 4, art. 7, op. 9",
    "The letter C. The letter C. Two letters",
    "Vitamin C.",
    "Apt. B, Bldg. 4, Dept. of Art, Ft. Worth, Mt. Fuji, Ave. A",
    "Jan. 5, Feb., Mon. and Thurs. in Calif.",
    "Ill. is sick, ill. and Ill, Mass. and mass.",
    "Acme Co. Ltd. and Acme Inc., Corp.",
    "A Ph.D. student and an M.D.",
    "Lt. Col. Gen. Capt. Sgt. Prof.",
    "J. R. R. Tolkien and J.K. Rowling and J.",
    "A man named O. Henry, and O.",
    # Apostrophes and contractions
    "The man's dog can't run, won't sit and doesn't bark.",
    "They're here, he'll go, we've seen, I'm in, she'd say.",
    "Isn't it? It's the dogs' bowl. That's James' and James's.",
    "the boys ' coats and a girl 's hat",
    "DON'T WALK, CAN'T STOP, IT'S HERE",
    "I cannot, gonna, gotta, lemme, gimme, wanna, dunno go",
    "'Tis the season, 'twas night, 'cause of y'all",
    "Rock 'n' roll, rock'n'roll, 'em, 'til five o'clock",
    "O'Neil, D'Angelo, l'eau, d'art, Shi'ite, Ma'am, ol' man",
    "c'mon, s'mores, li'l, e'er, ev'ry, nor'easter, cont'd, cont'd.",
    "Photos of the '80s, the 1980's, the '90s and '85",
    "don`t, don’t, don‘t, it’s, we’ll, can’t",
    "n't 's 're 'll 've 'd 'm",
    "a 'quoted' word and a ' lone ' mark, 'I a'",
    # Quotation marks
    'A sign that says "STOP".',
    'A shirt with " I love NY " on it',
    '"Hello," she says. "$5"',
    "``LaTeX'' quotes and `single' ones",
    "“Curly” and ‘single’ and „low“ and «French» and ‹one›",
    "‘“nested”’ \"'both'\"",
    "5'10\" tall and 6' wide, 12\" disc",
    # Numbers
    "1 dog, 22 cats, 1,000 birds, 3.14 pies, .5 cup, 1,000,000.5",
    "50% off, 50 % off, $5, $ 5.00, US$20, £5, €10, ¥100, 5¢, #1, # 2",
    "At 10:30, 10:30am, 5pm, 5 p.m., 12:00:01",
    "1/2 cup, 1 1/2 cups, 3-1/2 feet, 24/7, 9/11, 1/2/2003, 9-11-2001, 2003-01-02",
    "½ a pie, 2½ pies, ¼, ¾, ⅓, ⅔, ⅛",
    "1st, 2nd, 3rd, 4th, 100m dash, 4x4, 2x4, 3D, F16, F-16, 7-up, A380",
    "Call (415) 555-1234, 415-555-1234, 415.555.1234, +1 415 555 1234 or 555-1234",
    "-5 degrees, +5, 5-6, 5 - 6, 5°C, 70 °F, x², H₂O",
    "6 5 4 3 2 1, 2011 2012, 1 2/3 4",
    # Hyphens, dashes, slashes
    "A black-and-white photo of a well-dressed T-shirt-wearing x-ray",
    "mid-air - mid -air -- mid--air --- mid ---- air ----- air",
    "en–dash, em—dash, bar―, hyphen‐ed, non‑breaking, soft\u00adhyphen, \u00ad",
    "and/or, he/she/it, w/ a dog, w/o, / , a / b, //, \\ and |",
    "black-/white, on-/off-road, a-/b",
    "anti-war, pro-dog, anti- and pro- signs, S&P-500, non-U.S. goods",
    "under_score, _ , __init__, a*b, *, **, \\*",
    # Brackets
    "A man (on the left) [middle] {right} <far>",
    "( ( ) ) [ ] { } -LRB- x -RRB- -lrb-",
    "(a) b) (c",
    "a(b)c[d]e{f}g",
    # Ellipses and runs of punctuation
    "Wait... what.. no. . . . yes.... ok ..... end …",
    "What?! No!! Really??? ?!?! ! ?",
    "one;two:three,four.five!six?seven",
    "end.Start again.A dog.The end",
    ",,, ;; :: ,. .,",
    # Signs and faces
    "R&B at B&B, AT&T, Q&A, salt & pepper, a&b, A&B, A+B, a+b",
    "#hashtag, #1dog, #, ##, @name, @ home, @@, #café",
    "C++, C#, F#, c++ and g++",
    ":) :-) ;) :( :D :P =) :-/ <3 ^_^ -_- (^_^) (-_-) >_< :o) 8) XD :| :@",
    "a = b, a == b, a + b, a < b, a > b, << a >>, ~5, ^ 5, 5 % 3",
    "© ® ™ § ¶ • · ° ± × ÷ → ★ ☺ ♥ ✓",
    # Addresses and files
    "See http://www.example.com/a?b=c, https://example.org. and www.example.net!",
    "example.com, foo.org/bar, a.b.edu, example.co.uk, Example.COM",
    "Mail me@example.com, <me@example.com> or me.too@mail.example.com.",
    "photo.jpg, IMG_0001.JPG, file.tar.gz, notes.txt. readme.html, x.py? a.c",
    # Markup and entities
    '<b>bold</b> <br/> <br /> <!-- x --> <a href="x y">link</a> <unk> <start>',
    "&amp; &lt; &gt; &quot;hi&quot; &apos; &nbsp; &mdash; &#39; caf&eacute; AT&amp;T &foo;",
    # Unicode
    "A café, naïve façade, São Paulo, Zürich, Ærø, Łódź, ĳ",
    "Привет мир, Ελλάδα, ΟΔΟΣ, שלום, مرحبا, हिन्दी, ไทย",
    "東京 タワー 日本語の看板。한국어 、中文，标点！？",
    "İstanbul, ISPARTA, ıslak, STRAẞE, straße, ſhip, Kelvin",
    "A 😀 face, 👍🏽 👨‍👩‍👧 🇫🇷 ❤️ and ☀️",
    "ｆｕｌｌｗｉｄｔｈ ＴＥＸＴ １２３ ，．！（）＄％＆",
    "no\u00a0break, thin\u2009space, ideo\u3000graphic, zero\u200bwidth, \ufeffbom, em\u2003space",
    "comb\u0301ining a\u0300 e\u0301, \u00b4 \u00a8 \u00b8",
    "ﬁne ﬂow, Ǆ ǅ ǆ, ⅣⅤ, ①②, ㎏, Ⓐ",
    "\u0080 \u0085 \u0091x\u0092 \u0093y\u0094 \u0096 \u0097 \u007f \u0001 \u001f x",
    "tab\there, vertical\u000bbar, form\u000cfeed, return\rhere",
    "letters since 2010: ꟊ Ა ᲀ, before: Ⴀ Ꭰ ᏸ",
    # The accidental face holds a space, at which the reference tears it; only at a line's end is a token stripped
    "A face <.[^x= <>] and a dog",
    "a@b\u3000 .",
    "a@b\u3000",
    # Digits of any script show that a period belongs to the abbreviation before them
    "The fig.",
    "٣ dogs",
)

_WORDS: tuple[str, ...] = (
    "man woman boy girl dog cat children people bus train street bench t-shirt x-ray ball kite snow wave",
    "is are stands sits riding holds wearing can't doesn't isn't it's he's they're gonna cannot wanna has",
    "a the an two 2 three 10 on in of with and his her The A An Two In It He This They Mr. Dr. St. Jr. U.S.",
    "No. no. vs. etc. e.g. a.m. P.M. C. T Ph.D. Co. Inc. Ave. Blvd. fig. art. Jan. Mass. miss. Miss. $5 $5.50 "
    "50% 1/2 24/7 9-11 10:30 1,000 .5 -3 +4 1st '80s '85 (415) 555-1234 and/or w/ w/o A&B AT&T R&B & #1 #tag",
    "@name @ a@b.com www.x.com x.org http://x.y/z photo.jpg C# C++ * ** / \\ | _ = + < > << ~ ^ -- --- - ... .. . "
    ", ; : ! ? ?! !! ( ) [ ] { } \" '' `` ` ' “ ” ‘ ’ – — … € £ ½ ° © café naïve Ω 東京 😀 :) :-( <3 ^_^ o'clock "
    "O'Neil l'eau 'n' 'em rock'n'roll y'all dog's boys' n't black-and-white anti- -ed co-op &amp; &lt; <b> <unk>",
)


# What the rules are made of: pieces to be put together at random, ...
_PIECES: tuple[str, ...] = (
    "Jan Feb Apr Jun Jul Aug Sep Sept Oct Nov Dec Tue Tues Wed Thu Fri Ala Ariz Colo Conn Ct Dak Fla Ga Ind "
    "Kan Kans Ky Md Mich Minn Mo Mont Neb Nev Okla Penn Tenn Va Vt Wis Wisc Wyo Ark Az Del La Ore Pa Tex "
    "Wash Assn Bancorp Bhd Bros Corp Cos Intl Ltd Plc Pty Ppty Pte pte Rt Sys Univ al Blvd Ed.D Esq est ext "
    "Rd seq sq Sr tel",
    "Adj Adm Adv Assoc Asst Atty Attys Brig Cmdr Col Comdr Cpl Det Drs Ens Gov Govs Hon Insp Lieut Lt Maj "
    "Messrs Mlle Mme Ms Msgr Pfc Pres Profs Pvt Rep Reps Rev Sen Sens Sfc Spc Supt Supts a.k.a Alex cf Cie "
    "Elec Invt Jos Mfg Mtg Natl Ph Ste TREAS Wm art bldg ca fig figs nos op pp prop co ltd lim A B c n U.S "
    "U.S.S.R Canada-U.S U.S.-U.K",
    "A About According Additionally After An As At But Earlier He Her Here However If In It Last Many More "
    "Mr. Ms. Now Once One Other Our She Since So Some Such That The Their Then There These They This We What "
    "When While Yet You <b>",
    "x.bat x.bmp x.cgi x.class x.cpp x.dll x.doc x.docx a1.exe x.gif x.gz x.h x.htm x.jar x.java x.jpeg "
    "x.mov x.mp3 é.pdf x.php x.pl x.png x.ppt x.ps x.sql x.tar x.wav x.x x.xml x.zip 2.c",
    "man's don't she'd we'll they've I'm o'clock O'Neil l'eau D'Art J'ai y'all Cap'n c'est C'EST 'em 'till "
    "'70s '85 Dunkin' somethin' ol' rock'n'roll n't N’T 'TIS 'twas cont'd. nat'l a`b it&apos;s O‘o Ma'Am "
    "A’bc cannot lemme",
    "co-op T-shirt a.b-c a-b.c. pro- anti-a S&P-500 S&Ls S&amp;Ls C.D.s AT&T A&amp;B A+B+C w/o b/w/c a/b/c/d "
    "a-b/c-d-e a_b-c a‐b o'a-l'b -LRB- -rsb- C# f# c++ A$ US$ #1 ## @a_1 #caf&eacute; &Auml; &UUML; &agrave;",
    "&amp; &lt; &gt; &quot; &apos; &nbsp; &mdash; &ndash; &MD; &HT; &TL; &UR; &LR; &QC; &QL; &QR; &odq; "
    "&cdq; &#39; <a> </a_b> <br/> <!x> <?x> <!-- --> <a:b-c.d> <a b='c'> <unk>",
    "http://a.b/c https://x.y.z. www.ab.com www.x.yz/a- www.a|b.c foo.org/b. A.NET x_y.com a@b.c <a@b.c.d> "
    "&lt;a@b&gt; (415) (41) 555-1234 415-555-1234 +1 ++44 12.345.678 1.2 12.123.1234.12345 1/2 3-1/2 1\\/2 "
    "1/2/03 1,000.5 -.5 10:30",
    "¼ ½ ¾ ⅓ ⅔ ⅛ ² ¹ ⁰ ⁵ ⁺ ⁻ ₀ ₉ ₊ ₋ ⁴ ¢ £ ¤ ¥ \x80 ₠ € ؋ ฿ ₤ ￠ ￡ ￥ ￦ ¡ ¿ ; ։ ؟ ۔ ܀ ߺ 。 、 … \x96 \x97 "
    "– — ― « » ‹ › ‘ ’ ‚ ‛ “ ” „ ‟ \x91 \x92 \x93 \x94 ¦ § ¨ © ¬ ® ¯ ° µ · º × ÷ · ־ ׀ ׃ ׆ ׳ ״ ؀ ؆ ، ؔ ؛ ؞ ٪ "
    "٭ ܃ ߶ । ॥ ๏ ᾽ ‖ † ‰ ※ ‾ ⁄ ⁾ ₎ ℀ ℓ ← ★ 〒 ・ ！ ： ［ ｛ ･ \xad \u200b \u200e \u200f \ufeff \x7f \x01 ٣ "
    "５ é ſ 東 ก 😀 \u0301 -- --- ---- ... .... . ** \\* << >> ?! __ @@",
)
_STARTS = 2  # those that show that a sentence has ended before them
# ... and alphabets, of which short random strings are more of them.
_ALPHABETS: tuple[str, ...] = (
    "0123456789-. ()+/,", "0123456789.", "^x=~<>'_.()[]-`", ":;=-o*'()DPdpO\\{@|[]<>8", "ab.1@:/<>-_,!?(){}|\"'$",
    "\"'`.,;:?!-_/\\()[]{}<>=+*&%$#@~^| \xa0aA",
)  # fmt: skip


def _random(seed: int) -> Callable[[int], int]:
    """Numbers below a limit, the same on every machine and Python."""
    state = seed

    def below(limit: int) -> int:
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (state >> 33) % limit

    return below


def generated(number: int, seed: int = 1) -> Iterator[str]:
    """Captions from a small grammar."""
    below = _random(seed)
    kinds = [words.split() for words in _WORDS]
    for _ in range(number):
        parts = []
        for _ in range(1 + below(12)):
            words = kinds[below(len(kinds))]
            word = words[below(len(words))]
            change = below(12)
            parts.append(word.upper() if change == 0 else word.capitalize() if change == 1 else word)
            parts.append(("", ".", ",", "-", "'s", "/")[below(6)] + " " if below(4) == 0 else " ")
            if below(15) == 0:
                parts.pop()  # stuck to the next word
        if below(2):
            parts.append(".")
        yield "".join(parts)


def pieced(number: int, seed: int = 1) -> Iterator[str]:
    """Lines of pieces of the rules, most of them stuck together as no one writes."""
    below = _random(seed)
    kinds = [words.split(" ") for words in _PIECES]
    for _ in range(number):
        parts = []
        for _ in range(1 + below(6)):
            kind = below(len(kinds) + len(_ALPHABETS))
            if kind < len(kinds):
                word = kinds[kind][below(len(kinds[kind]))]
                parts.append(f"c. {word}" if kind == _STARTS and below(2) else word)
            else:
                letters = _ALPHABETS[kind - len(kinds)]
                parts += [letters[below(len(letters))] for _ in range(1 + below(12))]
            parts.append(("", "", ".", " ", " ", ". ")[below(6)])
        yield "".join(parts)
