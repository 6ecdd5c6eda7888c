"""The task of learning to compare clips."""

import argparse
from typing import Callable, Dict, Optional, Tuple

import numpy as np
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.trainer import Trainer
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str2bool

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.mos.build import build_model
from espnet_samos.mos.slots import SLOTS
from espnet_samos.tasks.guarded import GuardedTask
from espnet_samos.tasks.model_arguments import add_model_arguments
from espnet_samos.train import data_types  # noqa: F401 (adds what datasets read)
from espnet_samos.train.pair_model import PairModel


class PairPreprocessor:
    """Cut both clips of a pair to one window each, as they are.

    Args:
        preprocess: The audio path of one clip.
    """

    def __init__(self, preprocess: MosPreprocessor):
        self.preprocess = preprocess

    def __call__(self, uid: str, data: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
        """Replace `speech`, `fs`, `speech_b` and `fs_b` by the windows.

        Raises:
            AudioError: As `MosPreprocessor`.
        """
        a = dict(data)
        b = dict(speech=a.pop("speech_b"), fs=a.pop("fs_b"))
        windows_b = self.preprocess(f"{uid}, clip B", b)
        renamed = {f"{name}_b": window for name, window in windows_b.items()}
        return {**self.preprocess(f"{uid}, clip A", a), **renamed}


class PairTask(GuardedTask):
    """Train the comparison head of a model on pairs of clips."""

    num_optimizers: int = 1
    class_choices_list = SLOTS
    trainer = Trainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Register the options of the model, of its slots and of what is trained."""
        group = parser.add_argument_group(description="Task related")
        add_model_arguments(group)
        group.add_argument(
            "--comparison_conf",
            action=NestedDictAction,
            default=dict(),
            help="The keyword arguments for ComparisonHead: hidden_sizes, dropout_rate",
        )
        group.add_argument(
            "--train_encoders",
            type=str2bool,
            default=False,
            help="Train the encoders too, and frontends that are not frozen: the "
            "model then compares, and does not score any more",
        )
        group.add_argument(
            "--preprocessor_conf",
            action=NestedDictAction,
            default=dict(),
            help="The keyword arguments for MosPreprocessor; clips stay as they are, "
            "whatever its random options say",
        )
        parser.set_defaults(allow_multi_rates=True, num_att_plot=0)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Stack windows, which all have the same length."""
        return CommonCollateFn(not_sequence=["ccr"])

    @classmethod
    def build_preprocess_fn(
        cls, args: argparse.Namespace, train: bool
    ) -> Optional[PairPreprocessor]:
        """Build the audio path from two clips to their windows."""
        preprocess = MosPreprocessor(
            train=False,
            use_ssl=args.ssl_frontend is not None,
            use_spectrogram=args.spectrogram_frontend is not None,
            **args.preprocessor_conf,
        )
        return PairPreprocessor(preprocess)

    @classmethod
    def required_data_names(
        cls, train: bool = True, inference: bool = False
    ) -> Tuple[str, ...]:
        """Require two clips and their comparison."""
        return ("speech", "fs", "speech_b", "fs_b", "ccr")

    @classmethod
    def optional_data_names(
        cls, train: bool = True, inference: bool = False
    ) -> Tuple[str, ...]:
        """Allow nothing else."""
        return ()

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> PairModel:
        """Build the model with its comparison head.

        Raises:
            ValueError: The encoders would be neither trained nor those of a model.
        """
        if not args.init_param and not args.train_encoders:
            raise ValueError(
                "the encoders are those of no model, and are not trained: name a "
                "trained model (--init_param), or set --train_encoders true"
            )
        if args.init_param:
            # which has the weights that this file gave the model's frontend once
            args.ssl_frontend_conf = {**args.ssl_frontend_conf}
            args.ssl_frontend_conf.pop("init_file", None)
        model = build_model(args, PairModel)
        model.choose_trained(args.train_encoders)
        return model
