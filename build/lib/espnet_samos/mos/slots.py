"""The slots of the model and what fits into them.

A class is imported when it is chosen: a model that is only used, and all the more the
command that uses it, should not wait for the frontends that it does not have.
"""

from pkgutil import resolve_name
from typing import Dict, Optional, Tuple

from espnet2.train.class_choices import ClassChoices


class Slot(ClassChoices):
    """A `ClassChoices` of classes that are named, not imported.

    Args:
        name: The option that chooses, `head`; `head_conf` has the arguments.
        base: What every class here derives from, `module:Class`.
        classes: Names and classes, `module:Class`.
        default: The name that is chosen where none is given.
        optional: Whether `none` can be chosen.
        others: A `ClassChoices` whose classes fit too, `module:object`.
    """

    classes: Dict[str, type]

    def __init__(
        self,
        name: str,
        base: str,
        classes: Dict[str, str],
        default: str,
        optional: bool = False,
        others: Optional[str] = None,
    ):
        super().__init__(name, {}, default=default, optional=optional)
        self._base = base
        self._places = classes
        self._others = others

    def choices(self) -> Tuple[Optional[str], ...]:
        """Return the names, and None where the slot is optional."""
        self.classes = {**self._other_classes(), **self.classes}
        names = dict.fromkeys([*self._places, *self.classes])
        return (*names, None) if self.optional else tuple(names)

    def get_class(self, name: Optional[str]) -> Optional[type]:
        """Return the class of this name, importing it; None for None.

        Raises:
            ValueError: There is no such class, or it is none for this slot.
        """
        if name in self._places:
            self.classes[name] = resolve_name(self._places[name])
        elif name is not None and name not in self.classes:
            self.classes.update(self._other_classes())
        chosen = super().get_class(name)
        if chosen is not None and not issubclass(chosen, resolve_name(self._base)):
            raise ValueError(f"--{self.name} must be a {self._base}, not {chosen}")
        return chosen

    def _other_classes(self) -> Dict[str, type]:
        return resolve_name(self._others).classes if self._others else {}


ssl_frontend_choices = Slot(
    name="ssl_frontend",
    base="espnet2.asr.frontend.abs_frontend:AbsFrontend",
    classes=dict(
        ssl_layer="espnet_samos.frontend.ssl_layer:SslLayerFrontend",
        distillmos="espnet_samos.frontend.distillmos:DistillMosFrontend",
        light="espnet_samos.frontend.light_ssl:LightSslFrontend",
    ),
    # every frontend of ESPnet's own ASR task fits this slot
    others="espnet2.tasks.asr:frontend_choices",
    default="ssl_layer",
    optional=True,
)
ssl_encoder_choices = Slot(
    name="ssl_encoder",
    base="espnet_samos.mos.abs_clip_encoder:AbsClipEncoder",
    classes=dict(
        conv1d="espnet_samos.mos.conv1d_encoder:Conv1dEncoder",
        statistics="espnet_samos.mos.statistics_encoder:StatisticsEncoder",
    ),
    default="conv1d",
    optional=True,
)
spectrogram_frontend_choices = Slot(
    name="spectrogram_frontend",
    base="espnet2.asr.frontend.abs_frontend:AbsFrontend",
    classes=dict(
        log_spectrogram="espnet_samos.frontend.log_spectrogram:LogSpectrogramFrontend",
        log_bands="espnet_samos.frontend.log_bands:LogBandsFrontend",
    ),
    default="log_spectrogram",
    optional=True,
)
spectrogram_encoder_choices = Slot(
    name="spectrogram_encoder",
    base="espnet_samos.mos.abs_clip_encoder:AbsClipEncoder",
    classes=dict(
        conv2d="espnet_samos.mos.conv2d_encoder:Conv2dEncoder",
        statistics="espnet_samos.mos.statistics_encoder:StatisticsEncoder",
    ),
    default="conv2d",
    optional=True,
)
head_choices = Slot(
    name="head",
    base="espnet_samos.mos.abs_head:AbsHead",
    classes=dict(
        gaussian="espnet_samos.mos.gaussian_head:GaussianHead",
        composed="espnet_samos.mos.composed_head:ComposedHead",
    ),
    default="gaussian",
)
SLOTS = (
    ssl_frontend_choices,
    ssl_encoder_choices,
    spectrogram_frontend_choices,
    spectrogram_encoder_choices,
    head_choices,
)
