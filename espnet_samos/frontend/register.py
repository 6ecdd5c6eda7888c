"""This project's frontends as choices of ESPnet's own tasks."""

import functools
from typing import Callable, Dict

from espnet2.train.class_choices import ClassChoices


def _frontends() -> Dict[str, type]:
    """Import the frontends, and torch with them."""
    from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
    from espnet_samos.frontend.parallel import ParallelFrontend
    from espnet_samos.frontend.ssl_layer import SslLayerFrontend

    return dict(
        samos_spectrogram=LogSpectrogramFrontend,
        samos_ssl=SslLayerFrontend,
        samos_parallel=ParallelFrontend,
    )


def _is_for_waveforms(choices: ClassChoices) -> bool:
    """Tell the frontends of speech from those of text, as machine translation has."""
    from espnet2.asr.frontend.abs_frontend import AbsFrontend

    return choices.base_type is AbsFrontend and "default" in choices.classes


def _add_first(method: Callable) -> Callable:
    """Add the frontends to the choices before a method of theirs runs."""

    @functools.wraps(method)
    def wrapped(self: ClassChoices, *args, **kwargs):
        if _is_for_waveforms(self):
            self.classes.update(_frontends())
        return method(self, *args, **kwargs)

    return wrapped


@functools.cache
def register_frontends() -> None:
    """Let ESPnet's tasks offer this project's frontends.

    `--frontend samos_spectrogram`, `samos_ssl` and `samos_parallel` can then be
    chosen in every task that has ESPnet's `default` frontend: asr, aqa, st, slu,
    diar, spk and others.

    Each task makes a `ClassChoices` of its own when it is imported. To import no task
    but the one that is run, and to find those that are imported already, the
    frontends are added when a `ClassChoices` is asked what it has.
    """
    ClassChoices.choices = _add_first(ClassChoices.choices)
    ClassChoices.get_class = _add_first(ClassChoices.get_class)
