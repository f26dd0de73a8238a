"""English words of captions that tell the gender of people, and words for people that do not.

One list for two uses: to say it neutrally (`captionkit.alttext.neutral`), and to measure how often a model guesses
(`captionkit.metrics.gender`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

Gender = Literal["female", "male"]

# Each noun and what to say in its place.
FEMALE: Mapping[str, str] = {
    "woman": "person", "lady": "person", "gal": "person", "women": "people", "ladies": "people", "girl": "child",
    "girls": "children", "females": "people",
    "mother": "parent", "mom": "parent", "mommy": "parent", "mothers": "parents", "moms": "parents",
    "daughter": "child", "daughters": "children", "sister": "sibling", "sisters": "siblings", "wife": "spouse",
    "girlfriend": "partner", "grandmother": "grandparent", "grandma": "grandparent",
    "bride": "newlywed", "brides": "newlyweds", "bridesmaid": "attendant", "bridesmaids": "attendants",
    "businesswoman": "businessperson", "policewoman": "police officer",
    "waitress": "server", "waitresses": "servers", "actress": "actor",
    "schoolgirl": "schoolchild", "schoolgirls": "schoolchildren",
    "ballerina": "ballet dancer", "ballerinas": "ballet dancers", "cowgirl": "rider", "cowgirls": "riders",
}  # fmt: skip
MALE: Mapping[str, str] = {
    "man": "person", "guy": "person", "gentleman": "person", "dude": "person", "men": "people", "guys": "people",
    "gentlemen": "people", "dudes": "people", "boy": "child", "boys": "children", "males": "people",
    "father": "parent", "dad": "parent", "daddy": "parent", "fathers": "parents", "dads": "parents",
    "son": "child", "sons": "children", "brother": "sibling", "brothers": "siblings", "husband": "spouse",
    "boyfriend": "partner", "grandfather": "grandparent", "grandpa": "grandparent",
    "groom": "newlywed", "groomsmen": "attendants",
    "fireman": "firefighter", "firemen": "firefighters",
    "businessman": "businessperson", "businessmen": "businesspeople",
    "policeman": "police officer", "policemen": "police officers",
    "salesman": "salesperson", "fisherman": "fisher", "fishermen": "fishers", "cameraman": "camera operator",
    "cameramen": "camera operators", "mailman": "mail carrier", "sportsman": "athlete", "sportsmen": "athletes",
    "horseman": "rider", "horsemen": "riders",
    "schoolboy": "schoolchild", "schoolboys": "schoolchildren", "cowboy": "rider", "cowboys": "riders",
}  # fmt: skip
ADJECTIVES = frozenset(["female", "male"])
SHE = frozenset(["she", "her", "hers", "herself", "she's"])
HE = frozenset(["he", "him", "his", "himself", "he's"])

# Words for people that tell no gender, as captions use them.
PERSONS = frozenset([
    "acrobat", "actor", "actors", "adult", "adults", "artist", "athlete", "athletes", "audience", "babies",
    "baby", "backpacker", "backpackers", "band", "bicyclist", "bicyclists", "biker", "bikers", "bmxer", "boarder",
    "boater", "boaters", "boxer", "boxers", "camper", "campers", "canoeist", "cheerleader", "cheerleaders",
    "child", "children", "climber", "climbers", "clown", "couple", "couples", "crowd", "cyclist", "cyclists",
    "dancer", "dancers", "diver", "divers", "driver", "drivers", "family", "fan", "fans", "fighter", "fighters",
    "firefighter", "firefighters", "friend", "friends", "goalie", "guitarist", "gymnast", "hiker", "hikers",
    "infant", "individual", "individuals", "jogger", "joggers", "juggler", "kayaker", "kayakers", "kid", "kids",
    "lifeguard", "motorcyclist", "motorcyclists", "mountaineer", "musician", "musicians", "officer", "officers",
    "onlookers", "parent", "parents", "participant", "participants", "passenger", "passengers", "pedestrian",
    "pedestrians", "people", "performer", "performers", "person", "persons", "photographer", "photographers",
    "player", "players", "protester", "protesters", "racer", "racers", "rafter", "rafters", "referee", "rider",
    "riders", "rollerblader", "runner", "runners", "sibling", "siblings", "singer", "skateboarder",
    "skateboarders", "skater", "skaters", "skier", "skiers", "snowboarder", "snowboarders", "snowmobiler",
    "soldier", "soldiers", "somebody", "someone", "spectator", "spectators", "student", "students", "surfer",
    "surfers", "swimmer", "swimmers", "teammate", "teammates", "teenager", "teenagers", "teen", "teens",
    "toddler", "toddlers", "tourist", "tourists", "traveler", "travelers", "wakeboarder", "worker", "workers",
    "wrestler", "wrestlers", "youngster", "youngsters", "youth", "youths",
])  # fmt: skip


def names_person(tokens: Iterable[str]) -> bool:
    """Whether the words of a caption (`captionkit.text.tokenize`) name a person or people."""
    return any(word in PERSONS or word in FEMALE or word in MALE or word in ADJECTIVES for word in tokens)


def genders_said(tokens: Iterable[str]) -> frozenset[Gender]:
    """The genders of people that the words of a caption tell.

    A pronoun tells one only where the caption names a person: a dog with "his" ball is nobody's gender.
    """
    words = set(tokens)
    pronouns = names_person(words)
    said: set[Gender] = set()
    if "female" in words or not words.isdisjoint(FEMALE) or (pronouns and words & SHE):
        said.add("female")
    if "male" in words or not words.isdisjoint(MALE) or (pronouns and words & HE):
        said.add("male")
    return frozenset(said)
