"""Every word of the docker is in every catalogue, and its places agree."""

from __future__ import annotations

import re

import pytest

from limn.editing import auto
from limn.editing.language.instruction import parse
from limn.editing.said import Said as EditingSaid
from limn.krita_plugin import translations
from limn.protocol.messages import PLACE, Said

from .. import languages

ALL = languages.catalogues()


def test_there_are_the_promised_languages() -> None:
    assert set(ALL) == {"de", "fr", "ja", "zh_CN"}
    assert translations.languages() == ["de", "en", "fr", "ja", "zh_CN"]


@pytest.mark.parametrize("name", ALL)
def test_a_catalogue_has_every_template_and_no_other(name: str) -> None:
    wanted = languages.templates()
    assert len(wanted) > 150
    missing, unused = wanted - set(ALL[name]), set(ALL[name]) - wanted
    assert not missing, f"python -m tests.languages tells what to translate: {sorted(missing)}"
    assert not unused, sorted(unused)


@pytest.mark.parametrize("name", ALL)
def test_places_and_ends_agree(name: str) -> None:
    for template, text in ALL[name].items():
        assert sorted(PLACE.findall(template)) == sorted(PLACE.findall(text)), template
        assert text.strip() == text and text, template
        assert (template[-1] == ".") == (text[-1] in ".。"), (template, text)
        assert template.count("\n") == text.count("\n"), template


def test_the_sentences_that_are_looked_for_are_found() -> None:
    found = languages.templates()
    for one in ("Find mask", "denoising", "I could not find '{things}' in the picture.", "a group"):
        assert one in found
    assert not any(re.fullmatch(r"limn_\w+", one) for one in found)


@pytest.mark.parametrize(
    ("locales", "name"),
    [
        (["de_AT.UTF-8"], "de"),
        (["pt_BR", "fr-CA"], "fr"),
        (["zh-Hans-CN"], "zh_CN"),
        (["zh_TW", "ja"], "ja"),
        (["zh"], "zh_CN"),
        (["C"], "en"),
        (["en_US", "de"], "en"),
        ([], "en"),
        (["../../etc/passwd"], "en"),
    ],
)
def test_the_language_is_the_first_that_is_there(locales: list[str], name: str) -> None:
    assert translations.chosen(locales) == name


def test_kritas_own_choice_goes_before_the_systems() -> None:
    assert translations.wanted({"LANGUAGE": "ja:de"}, ["fr-FR"]) == ["ja", "de", "fr-FR"]
    assert translations.wanted({}, ["fr-FR"]) == ["fr-FR"]


def test_a_sentence_is_said_in_the_language() -> None:
    try:
        translations.speak("de")
        assert translations.tr("“{layer}” is hidden.", layer="A") == "„A“ ist ausgeblendet."
        said = Said("I could not find '{things}' in the picture.", {"things": "elephant"})
        assert translations.told(said) == "Ich konnte „elephant“ im Bild nicht finden."
        given = "make the star blue\nmake the cup red"
        for text, words in (
            (given, "zwei örtliche Änderungen"),
            ("make it snow", "das ganze Bild"),
        ):
            name, reason = auto.choose(parse(text), {"foi"})
            heard = translations.told(Said(reason.template, reason.data))
            assert name == "foi" and heard.startswith("FoI: ") and words in heard
        asked = parse("what is this?").question
        assert asked is not None and isinstance(asked.sentence, EditingSaid)
        assert "keine Fragen" in translations.tr(asked.sentence.template)
        assert translations.tr("of another version {x}", x=1) == "of another version 1"
    finally:
        translations.speak("en")
    assert translations.tr("Find mask") == "Find mask"
