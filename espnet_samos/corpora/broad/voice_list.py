"""Who speaks in the broad corpus."""

import functools
from pathlib import Path
from typing import Callable, Dict

from espnet_samos.corpora.broad.kokoro import EnglishKokoroVoice, JapaneseKokoroVoice
from espnet_samos.corpora.broad.voices import (
    AbsVoice,
    JoeVoice,
    MeiVoice,
    RecordedVoice,
)
from espnet_samos.corpora.broad.wide import WideVoice

ASTERISK = "Asterisk core sounds, recorded by {}, {}"
RECORDED = {
    "allison": ("en_US_f_Allison", "en", "Allison Smith", "CC BY-SA 3.0"),
    "allison_es": ("es_MX_f_Allison", "es", "Allison Smith", "CC BY-SA 3.0"),
    "june": ("fr_CA_f_June", "fr", "June Wallack", "CC BY-SA 3.0"),
    "carlo": ("it_IT_m_Carlo", "it", "Carlo Flora", "CC BY-SA 3.0"),
    "maxim": ("ru_RU_f_IvrvoiceRU", "ru", "Maxim Topal (ivrvoice.ru)", "CC BY 3.0"),
}

# name: (folder of recordings) -> voice with the band that it has
NATIVE: Dict[str, Callable[[Path], AbsVoice]] = {
    "mei": lambda folder: MeiVoice(),
    "joe": lambda folder: JoeVoice(),
    "kokoro": lambda folder: EnglishKokoroVoice(),
    "kokoro_ja": lambda folder: JapaneseKokoroVoice(),
    **{
        name: functools.partial(
            RecordedVoice,
            speaker=speaker,
            lang=lang,
            attribution=ASTERISK.format(who, licence),
        )
        for name, (speaker, lang, who, licence) in RECORDED.items()
    },
}

WIDE = "wide_"  # before the name of a voice that is continued up to 24 kHz


def _wide(folder: Path, voice: Callable[[Path], AbsVoice]) -> AbsVoice:
    return WideVoice(voice(folder))


VOICES = {
    **NATIVE,
    **{
        f"{WIDE}{name}": functools.partial(_wide, voice=voice)
        for name, voice in NATIVE.items()
        if name != "mei"
    },
}
