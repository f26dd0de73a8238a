"""What a `<` is in a script: a tag only where an expression may begin."""

from __future__ import annotations

import pytest

from captionkit.alttext.formats.script_text import LostError, ScriptReader, not_rebound, read_imports


class Places(ScriptReader):
    """Notes where tags may begin, and reads on as if none did."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 0, len(text))
        self.places: list[str] = []

    def begin_tag(self, position: int) -> bool:
        self.places.append(self.text[position : position + 2])
        return False


def places(text: str) -> list[str]:
    reader = Places(text)
    reader.run()
    return reader.places


@pytest.mark.parametrize(
    "text",
    [
        "a <x; a.b <x; f() <x; a[0] <x; 3 <x; 'a' <x; `a` <x; i++ <x; a! <x; f()! <x; /a/ <x",
        "useState<x>(); new Map<y, Array<x>>(); const a: Array<x> = []; class A extends B<x> {}",
        "a.return <x; a.of <x; $return <x; async <x",
        "'<x' + \"<x\" + `<x ${'<x'} ${`<x`}` + /<x/ + /[/<x]/ + 'it\\'s <x' // <x\n/* <x */",
        "a /* c */ <x; a // c\n<x",
        "a / 2; '<x' / 2; f() / '<x' / 3",
        "if (/'/.test(a)) /'<x'/.exec(b)",
        "const a = 1 / '<x' // it's <x",
    ],
)
def test_no_tag_begins(text: str) -> None:
    assert places(text) == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "<x",
            "= <x",
            "(<x",
            "[<x",
            "{<x",
            "a, <x",
            "=> <x",
            "a ? <x : 1",
            "a && <x",
            "return <x",
            "return(\n <x",
        ),
        *("export default <x", "case <x", "{} <x", "; <x", "if (a) <x", "!<x", "a || /* c */ <x", "a = // c\n <x"),
        *("f(`${<x}`)", "a / <x"),
    ],
)
def test_a_tag_may_begin(text: str) -> None:
    closing = {"(": ")", "[": "]", "{": "}", "return(\n <x": ")"}.get(text if "return(" in text else text[0], "")
    assert places(text if closing in text else text + closing) == ["<x"]


@pytest.mark.parametrize("text", ["(", "a)", "(]", "{)", "`${", "`${)}`", "`", "/*", "(" * 2_000])
def test_what_does_not_fit_is_told(text: str) -> None:
    with pytest.raises(LostError):
        places(text)


def test_imports_give_names_to_files() -> None:
    text = """
    import dog from "./dog.png"
    import cat from '../cat.png?url'; import x, { y } from "x"; import { z } from "z"
    const cow = require("./cow.png"), a = 1
    import cup, { other } from "./cup.png"
    import pot,*as pots from './pot.png'; import pan,{a,b as c}from"./pan.png"
    import owl = require('./owl.png');
    import { default as fox } from "./fox.png"; import{a,default as ape,b as c}from"./ape.png"
    // import old from "./old.png"
    /*
    import gone from "./gone.png" */
    const s = `
    import text from "./text.png"`
    """
    found = read_imports(text, 0, len(text))
    mixed = {
        "x": "x",
        "cup": "./cup.png",
        "pot": "./pot.png",
        "pan": "./pan.png",
        "fox": "./fox.png",
        "ape": "./ape.png",
    }
    assert found == {"dog": "./dog.png", "cat": "../cat.png?url", "cow": "./cow.png", "owl": "./owl.png", **mixed}


def test_a_name_of_two_files_names_none() -> None:
    text = "const a = require('./a.png')\nconst a = require('./b.png')"
    assert read_imports(text, 0, len(text)) == {"a": ""}


def test_imports_before_a_mistake_count() -> None:
    text = "import a from './a.png'\n}"
    assert read_imports(text, 0, len(text)) == {"a": "./a.png"}


@pytest.mark.parametrize(
    "text",
    [
        "const Row = ({ dog }) => <img src={dog} />",
        "items.map((dog, i) => <img src={dog} />)",
        "items.map(dog => dog)",
        "({ a, dog }: Props): Node => a",
        "function Row({ dog }: { dog: string }) {}",
        "const { dog } = props",
        "let [a, dog] = pair",
        '<img v-for="(dog, i) in dogs" :src="dog">',
        "{#each dogs as dog (dog.id)}<img src={dog}>{/each}",
        "{#each dogs as { a, dog }, i}<img src={dog}>{/each}",
    ],
)
def test_a_name_that_means_something_else_in_places_names_no_file(text: str) -> None:
    assert not_rebound({"dog": "./dog.png", "cat": "./cat.png"}, text) == {"cat": "./cat.png"}


@pytest.mark.parametrize("text", ["<img src={dog} />", "call(dog)", "if (dog) {}", "const a = [dog]", "a > dog"])
def test_a_name_that_is_used_still_names_its_file(text: str) -> None:
    assert not_rebound({"dog": "./dog.png"}, text) == {"dog": "./dog.png"}
