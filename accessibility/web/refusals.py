"""What cannot be done, as a sentence in the reader's language."""

from __future__ import annotations

from accessibility.analysis.scenario_sites import OtherStudyError
from accessibility.analysis.siting_given import NoChoiceError
from accessibility.errors import AccessibilityError, InputError, SettingError, UnknownNameError
from accessibility.inputs.settings import NotTomlError
from accessibility.report.map_words import number
from accessibility.web.page_words import page_words

KINDS = {
    OtherStudyError: "other_study",
    NotTomlError: "no_toml",
    NoChoiceError: "no_choice",
    UnknownNameError: "unknown_name",
    SettingError: "wrong_setting",
    InputError: "wrong_input",
    AccessibilityError: "not_possible",
}
"""Words for what the library refuses, the narrower kind first; its own sentence is the detail."""


class RefusedError(InputError):
    """The page itself refuses.

    Parameters
    ----------
    word : str
        Key of the sentence in page_words.toml.
    **values
        What its braces are filled with.
    """

    def __init__(self, word: str, **values: object) -> None:
        self.word, self.values = word, values
        super().__init__(self.told("en"))

    def told(self, lang: str) -> str:
        """Say it in a language, numbers in its form."""
        told = {
            key: number(value, lang) if isinstance(value, int) else value
            for key, value in self.values.items()
        }
        return page_words(lang)[self.word].format(**told)


def sentence(error: AccessibilityError, lang: str) -> str:
    """Say what was refused; the library speaks English, so that French readers get both.

    Examples
    --------
    >>> sentence(RefusedError("closed_moves"), "fr")
    "un site fermé ne se déplace pas ; rouvrez-le d'abord."
    >>> sentence(SettingError("minutes is 0."), "fr")
    'une valeur demandée ne convient pas. Détail (en anglais) : minutes is 0.'
    """
    if isinstance(error, RefusedError):
        return error.told(lang)
    word = next(word for kind, word in KINDS.items() if isinstance(error, kind))
    return page_words(lang)[word].format(detail=error)
