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
        super().__init__(page_words("en")[word].format(**values))
        self.word, self.values = word, values


def sentence(error: AccessibilityError, lang: str) -> str:
    """Say what was refused; the library speaks English, so that French readers get both.

    Examples
    --------
    >>> sentence(RefusedError("closed_moves"), "fr")
    "un site fermé ne se déplace pas ; rouvrez-le d'abord."
    >>> sentence(SettingError("minutes is 0."), "fr")
    'une valeur demandée ne convient pas. Détail (en anglais) : minutes is 0.'
    """
    says = page_words(lang)
    if isinstance(error, RefusedError):
        told = {
            key: number(value, lang) if isinstance(value, int) else value
            for key, value in error.values.items()
        }
        return says[error.word].format(**told)
    word = next(word for kind, word in KINDS.items() if isinstance(error, kind))
    return says[word].format(detail=error)
