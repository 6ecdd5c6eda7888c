"""The task of distilling a light SSL frontend from a large one."""

import argparse
from typing import Callable, List, Optional, Tuple

from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.trainer import Trainer
from espnet2.utils.nested_dict_action import NestedDictAction

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.frontend.light_ssl import LightSslFrontend
from espnet_samos.tasks.guarded import GuardedTask
from espnet_samos.train import data_types  # noqa: F401 (adds what datasets read)
from espnet_samos.train.distillation_model import DistillationModel, copy_transformer


class DistillationTask(GuardedTask):
    """Train a light frontend on features of Distill-MOS, from `mos_dump_ssl_feats`."""

    num_optimizers: int = 1
    class_choices_list: List = []
    trainer = Trainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Register the options of the frontend and of the audio path."""
        group = parser.add_argument_group(description="Task related")
        group.add_argument(
            "--ssl_frontend_conf",
            action=NestedDictAction,
            default=dict(),
            help="The keyword arguments for LightSslFrontend: channels, num_layers, "
            "layers and the others",
        )
        group.add_argument(
            "--preprocessor_conf",
            action=NestedDictAction,
            default=dict(),
            help="The keyword arguments for MosPreprocessor, as the features had them",
        )
        parser.set_defaults(allow_multi_rates=True, num_att_plot=0)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Stack windows, which all have the same length."""
        return CommonCollateFn()

    @classmethod
    def build_preprocess_fn(
        cls, args: argparse.Namespace, train: bool
    ) -> Optional[MosPreprocessor]:
        """Build the audio path from a clip to its window at 16 kHz."""
        return MosPreprocessor(
            train=False, use_spectrogram=False, **args.preprocessor_conf
        )

    @classmethod
    def required_data_names(
        cls, train: bool = True, inference: bool = False
    ) -> Tuple[str, ...]:
        """Require clips and the teacher's features."""
        return ("speech", "fs", "teacher_feats")

    @classmethod
    def optional_data_names(
        cls, train: bool = True, inference: bool = False
    ) -> Tuple[str, ...]:
        """Allow nothing else."""
        return ()

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> DistillationModel:
        """Build the student, its upper layers copied from Distill-MOS."""
        student = LightSslFrontend(**{**args.ssl_frontend_conf, "freeze": False})
        copy_transformer(student)
        # what is above the CNN stays as it is
        student.transformer.requires_grad_(False)
        student.position.requires_grad_(False)
        return DistillationModel(student)
