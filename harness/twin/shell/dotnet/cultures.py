"""``[cultureinfo]``: names, numbers and languages of common cultures ([D] .NET reference)."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.clixmlreader import REBUILT
from harness.twin.shell.conversion import bad_cast, caster
from harness.twin.shell.dotnet.registry import constructor, method, prop, static, static_prop
from harness.twin.shell.errors import NetError, net_error
from harness.twin.shell.formatting.views import Column, register_view
from harness.twin.shell.objects import PSObject
from harness.twin.shell.session import current
from harness.twin.shell.text import register_text, to_text
from harness.twin.shell.typerules import BUILT_IN, TypeRules
from harness.twin.shell.typesystem import TypeRef, is_null, register_value_type

CULTURE: Final = "System.Globalization.CultureInfo"
_WRITTEN: Final = (
    *("LCID", "Name", "DisplayName", "IetfLanguageTag"),
    *("ThreeLetterISOLanguageName", "ThreeLetterWindowsLanguageName", "TwoLetterISOLanguageName"),
)
_KNOWN: Final = {
    "": (127, "Invariant Language (Invariant Country)", "iv", "ivl", "IVL"),
    "en": (9, "English", "en", "eng", "ENU"),
    "en-US": (1033, "English (United States)", "en", "eng", "ENU"),
    "en-GB": (2057, "English (United Kingdom)", "en", "eng", "ENG"),
    "de": (7, "German", "de", "deu", "DEU"),
    "de-DE": (1031, "German (Germany)", "de", "deu", "DEU"),
    "de-AT": (3079, "German (Austria)", "de", "deu", "DEA"),
    "de-CH": (2055, "German (Switzerland)", "de", "deu", "DES"),
    "fr": (12, "French", "fr", "fra", "FRA"),
    "fr-FR": (1036, "French (France)", "fr", "fra", "FRA"),
    "es": (10, "Spanish", "es", "spa", "ESP"),
    "es-ES": (3082, "Spanish (Spain)", "es", "spa", "ESN"),
    "it-IT": (1040, "Italian (Italy)", "it", "ita", "ITA"),
    "nl-NL": (1043, "Dutch (Netherlands)", "nl", "nld", "NLD"),
    "pl-PL": (1045, "Polish (Poland)", "pl", "pol", "PLK"),
    "pt-BR": (1046, "Portuguese (Brazil)", "pt", "por", "PTB"),
    "sv-SE": (1053, "Swedish (Sweden)", "sv", "swe", "SVE"),
    "ja-JP": (1041, "Japanese (Japan)", "ja", "jpn", "JPN"),
    "zh-CN": (2052, "Chinese (Simplified, China)", "zh", "zho", "CHS"),
    "ru-RU": (1049, "Russian (Russia)", "ru", "rus", "RUS"),
    "tr-TR": (1055, "Turkish (Turkey)", "tr", "tur", "TRK"),
}


class Culture:
    """A culture; ``regional`` knows in which of them numbers and dates can be written."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        found = next((known for known in _KNOWN if known.lower() == name.lower()), None)
        if found is None:
            raise net_error(
                "System.Globalization.CultureNotFoundException",
                f"Culture is not supported.\r\nParameter name: name\r\n{name} is an invalid culture identifier.",
            )
        self.name = found

    @property
    def facts(self) -> tuple[int, str, str, str, str]:
        """Number, display name, two letters, three letters, Windows' three letters."""
        return _KNOWN[self.name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Culture) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


def _parent(this: Culture) -> Culture:
    head = this.name.partition("-")[0]
    return Culture(head if "-" in this.name and head in _KNOWN else "")


register_value_type(Culture, CULTURE)
register_text(Culture, lambda value: value.name if isinstance(value, Culture) else "")
prop(Culture, "Parent", _parent)
prop(Culture, "LCID", lambda this: this.facts[0])
prop(Culture, "KeyboardLayoutId", lambda this: this.facts[0])
prop(Culture, "Name", lambda this: this.name)
prop(Culture, "IetfLanguageTag", lambda this: this.name)
prop(Culture, "DisplayName", lambda this: this.facts[1])
prop(Culture, "NativeName", lambda this: this.facts[1])
prop(Culture, "EnglishName", lambda this: this.facts[1])
prop(Culture, "TwoLetterISOLanguageName", lambda this: this.facts[2])
prop(Culture, "ThreeLetterISOLanguageName", lambda this: this.facts[3])
prop(Culture, "ThreeLetterWindowsLanguageName", lambda this: this.facts[4])
prop(Culture, "IsNeutralCulture", lambda this: "-" not in this.name)
prop(Culture, "UseUserOverride", lambda _this: False)
prop(Culture, "IsReadOnly", lambda _this: False)
method(Culture, "ToString")(lambda this: this.name)
constructor(CULTURE, "string name", "int culture")(lambda key: _culture(key))
static(CULTURE, "GetCultureInfo", "string name", "int culture")(lambda key: _culture(key))
static(CULTURE, "CreateSpecificCulture", "string name")(lambda name: Culture(name))
static_prop(CULTURE, "InvariantCulture", lambda: Culture(""))
for _label in ("CurrentCulture", "CurrentUICulture", "InstalledUICulture"):
    static_prop(CULTURE, _label, lambda: Culture(current().host.culture))


def _culture(key: object) -> Culture:
    if isinstance(key, int):
        return Culture(next((name for name, facts in _KNOWN.items() if facts[0] == key), str(key)))
    return Culture(to_text(key))


@caster(CULTURE)
def to_culture(value: object, target: TypeRef) -> object:
    """``[cultureinfo]`` of a name or a number."""
    if is_null(value):
        return None
    if isinstance(value, Culture):
        return value
    try:
        return _culture(value)
    except NetError as fault:
        inner = fault.exception
        raise bad_cast(value, target, "InvalidCastConstructorTargetInvocationException", inner.message, inner) from None


def _rebuilt(made: PSObject) -> object:
    return Culture(to_text(made.get("Name", made.text)))


REBUILT[CULTURE.lower()] = _rebuilt
BUILT_IN[CULTURE.lower()] = TypeRules(depth=1, method="SpecificProperties", properties=_WRITTEN)
register_view(CULTURE, table=[Column("LCID", width=16), Column("Name", width=16), Column("DisplayName")], auto=False)
