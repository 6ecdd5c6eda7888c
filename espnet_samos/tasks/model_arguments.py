"""Options of the model and of its slots, which several tasks have."""

import argparse

from espnet2.torch_utils.initialize import INITIALIZATIONS
from espnet2.utils.get_default_kwargs import get_default_kwargs
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str_or_none

from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.mos.slots import SLOTS


def add_model_arguments(group: argparse._ArgumentGroup) -> None:
    """Add what `espnet_samos.mos.build.build_model` reads to a group of options."""
    group.add_argument(
        "--init",
        type=lambda x: str_or_none(x.lower()),
        default=None,
        help="The initialization method",
        choices=[*INITIALIZATIONS, None],
    )
    group.add_argument(
        "--model_conf",
        action=NestedDictAction,
        default=get_default_kwargs(ESPnetMosModel),
        help="The keyword arguments for model class.",
    )
    for class_choices in SLOTS:
        class_choices.add_arguments(group)
