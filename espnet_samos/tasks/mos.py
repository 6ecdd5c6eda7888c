"""The MOS prediction task."""

import argparse
import contextlib
import logging
from typing import Callable, List, Optional, Tuple

import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.tasks.abs_task import AbsTask, scheduler_classes
from espnet2.tasks.asr import frontend_choices as asr_frontend_choices
from espnet2.torch_utils.initialize import INITIALIZATIONS, initialize
from espnet2.train.class_choices import ClassChoices
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.distributed_utils import get_rank
from espnet2.utils.get_default_kwargs import get_default_kwargs
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str2bool, str_or_none

from espnet_samos.frontend.distillmos import DistillMosFrontend
from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
from espnet_samos.frontend.ssl_layer import SslLayerFrontend
from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.abs_head import AbsHead
from espnet_samos.mos.aligned_gaussian_head import AlignedGaussianHead
from espnet_samos.mos.conv1d_encoder import Conv1dEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder
from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.mos.gaussian_head import GaussianHead
from espnet_samos.train.checkpoint import check_fits, restore
from espnet_samos.train.compact import compact
from espnet_samos.train.corpus_preprocessor import CorpusPreprocessor
from espnet_samos.train.faults import explained, locked
from espnet_samos.train.preprocessor import (
    SPECTROGRAM_RATE,
    SSL_RATE,
    MosPreprocessor,
)
from espnet_samos.train.scheduler import ExponentialStepLR
from espnet_samos.train.trainer import MosTrainer

scheduler_classes["exponentialsteplr"] = ExponentialStepLR

ssl_frontend_choices = ClassChoices(
    name="ssl_frontend",
    classes=dict(
        # every frontend of ESPnet's own ASR task fits this slot
        asr_frontend_choices.classes,
        ssl_layer=SslLayerFrontend,
        distillmos=DistillMosFrontend,
    ),
    type_check=AbsFrontend,
    default="ssl_layer",
    optional=True,
)
ssl_encoder_choices = ClassChoices(
    name="ssl_encoder",
    classes=dict(conv1d=Conv1dEncoder),
    type_check=AbsClipEncoder,
    default="conv1d",
    optional=True,
)
spectrogram_frontend_choices = ClassChoices(
    name="spectrogram_frontend",
    classes=dict(log_spectrogram=LogSpectrogramFrontend),
    type_check=AbsFrontend,
    default="log_spectrogram",
    optional=True,
)
spectrogram_encoder_choices = ClassChoices(
    name="spectrogram_encoder",
    classes=dict(conv2d=Conv2dEncoder),
    type_check=AbsClipEncoder,
    default="conv2d",
    optional=True,
)
head_choices = ClassChoices(
    name="head",
    classes=dict(gaussian=GaussianHead, aligned_gaussian=AlignedGaussianHead),
    type_check=AbsHead,
    default="gaussian",
)


def _uses_branch(args: argparse.Namespace, branch: str) -> bool:
    """Tell whether a branch (`ssl`, `spectrogram`) is part of the model.

    Raises:
        ValueError: It has a frontend but no encoder, or the other way round.
    """
    slots = [getattr(args, f"{branch}_{part}") for part in ("frontend", "encoder")]
    if (slots[0] is None) != (slots[1] is None):
        raise ValueError(
            f"{branch}_frontend is {slots[0]} and {branch}_encoder is {slots[1]}: "
            f"set both to none to leave the {branch} branch out"
        )
    return slots[0] is not None


@torch.no_grad()
def _build_branch(
    frontend: AbsFrontend, encoder_class: type, encoder_conf: dict, num_samples: int
) -> Tuple[AbsFrontend, AbsClipEncoder]:
    """Build an encoder for what the frontend gives for one window."""
    frontend.eval()
    window = torch.zeros(1, num_samples)
    feats, _ = frontend(window, torch.tensor([num_samples]))
    # (1, NFrames, Dim)
    _, num_frames, input_size = feats.shape
    encoder = encoder_class(
        input_size=input_size, num_frames=num_frames, **encoder_conf
    )
    return frontend, encoder


class MosTask(AbsTask):
    """Train predictors of the mean opinion score (SA-SSL-MOS, SSL-Layer-MOS)."""

    num_optimizers: int = 1

    class_choices_list = [
        ssl_frontend_choices,
        ssl_encoder_choices,
        spectrogram_frontend_choices,
        spectrogram_encoder_choices,
        head_choices,
    ]

    trainer = MosTrainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Register the slots and their options."""
        group = parser.add_argument_group(description="Task related")
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
        for class_choices in cls.class_choices_list:
            class_choices.add_arguments(group)

        group = parser.add_argument_group(description="Preprocess related")
        group.add_argument(
            "--use_preprocessor",
            type=str2bool,
            default=True,
            help="Apply preprocessing to data or not",
        )
        group.add_argument(
            "--preprocessor_conf",
            action=NestedDictAction,
            default=dict(),
            help="The keyword arguments for MosPreprocessor: window_seconds, "
            "multichannel, and in training random_window, random_start, gain_db, "
            "flip_polarity",
        )

        group = parser.add_argument_group(description="Optimiser related")
        group.add_argument(
            "--ssl_lr_factor",
            type=float,
            default=1.0,
            help="The learning rate of the SSL frontend, where it is trained, as a "
            "multiple of that of the rest",
        )
        group = parser.add_argument_group(description="Distributed training related")
        group.add_argument(
            "--dist_timeout",
            type=int,
            default=1800,
            help="After how many seconds a process that waits for another gives up",
        )
        # The clips have any rate: ESPnet's dataset must not insist on one.
        parser.set_defaults(allow_multi_rates=True, num_att_plot=0)

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """Train, or collect statistics, in a directory that no other run uses.

        Raises:
            SystemExit: A fault, with what to do about it: see `train.faults`.
        """
        rank = get_rank(args.dist_rank, args.dist_launcher) if args.distributed else 0
        with explained(args.output_dir), contextlib.ExitStack() as stack:
            if rank == 0:
                stack.enter_context(locked(args.output_dir))
                if args.resume:
                    restore(args.output_dir, args.best_model_criterion)
            super().main_worker(args)

    @classmethod
    def build_iter_factory(cls, *args, **kwargs) -> AbsIterFactory:
        """Build ESPnet's iterators over lists that take little memory."""
        factory = super().build_iter_factory(*args, **kwargs)
        if hasattr(factory, "dataset"):
            compact(factory.dataset)
        return factory

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Stack windows, which all have the same length."""
        return CommonCollateFn(not_sequence=["mos", "corpus"])

    @classmethod
    def build_preprocess_fn(
        cls, args: argparse.Namespace, train: bool
    ) -> Optional[MosPreprocessor]:
        """Build the audio path from a clip to the windows of the model.

        Raises:
            ValueError: Random windows and the like beside SSL features from disk.
        """
        if not args.use_preprocessor:
            return None
        preprocessor = CorpusPreprocessor(
            corpora=args.head_conf.get("corpora", ()),
            train=train,
            use_ssl=_uses_branch(args, "ssl"),
            use_spectrogram=_uses_branch(args, "spectrogram"),
            **args.preprocessor_conf,
        )
        data_names = [name for _, name, _ in args.train_data_path_and_name_and_type]
        options = preprocessor.random_options()
        if train and options and "ssl_feats" in data_names:
            raise ValueError(
                f"preprocessor_conf has {', '.join(options)}, which cannot be used "
                "with SSL features from disk: they were computed from the first "
                "window of each clip, unchanged (--dump_ssl_feats false)"
            )
        return preprocessor

    @classmethod
    def required_data_names(
        cls, train: bool = True, inference: bool = False
    ) -> Tuple[str, ...]:
        """Require labels in training and validation only."""
        return ("speech", "fs") if inference else ("speech", "fs", "mos")

    @classmethod
    def optional_data_names(
        cls, train: bool = True, inference: bool = False
    ) -> Tuple[str, ...]:
        """Allow SSL features that were computed beforehand, and corpora's names."""
        return () if inference else ("ssl_feats", "corpus")

    @classmethod
    def build_optimizers(
        cls, args: argparse.Namespace, model: ESPnetMosModel
    ) -> List[torch.optim.Optimizer]:
        """Build the optimiser, with the SSL frontend's own learning rate.

        Raises:
            ValueError: An SSL frontend is to be trained beside SSL features from
                disk, which would leave it as it is; or its learning rate is set
                though it is not trained.
            FaultError: The checkpoint to resume from is of another model.
        """
        ssl = [] if model.ssl_frontend is None else model.ssl_frontend.parameters()
        ssl = [parameter for parameter in ssl if parameter.requires_grad]
        data_names = [name for _, name, _ in args.train_data_path_and_name_and_type]
        if ssl and "ssl_feats" in data_names:
            raise ValueError(
                "the SSL frontend cannot be trained with SSL features from disk "
                "(--dump_ssl_feats false), or has to be frozen "
                "(ssl_frontend_conf.freeze: true)"
            )
        if args.resume and not args.use_adapter:
            # before ESPnet writes config.yaml over that of the models that are there
            check_fits(model, args.output_dir)
        optimizers = super().build_optimizers(args, model)
        if args.ssl_lr_factor == 1.0:
            return optimizers
        if not ssl:
            raise ValueError(
                f"ssl_lr_factor is {args.ssl_lr_factor}, but no weight of the SSL "
                "frontend is trained: set ssl_frontend_conf.freeze to false, or leave "
                "ssl_lr_factor at 1"
            )
        # ESPnet gives groups of one learning rate; split the SSL frontend's off.
        ids = {id(parameter) for parameter in ssl}
        (optimizer,) = optimizers
        for group in list(optimizer.param_groups):
            mine = [p for p in group["params"] if id(p) in ids]
            if mine:
                group["params"] = [p for p in group["params"] if id(p) not in ids]
                optimizer.add_param_group(
                    dict(group, params=mine, lr=args.ssl_lr_factor * group["lr"])
                )
        return optimizers

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> ESPnetMosModel:
        """Build the model from its slots.

        Raises:
            ValueError: A branch is half there, or there is none.
        """
        window_seconds = MosPreprocessor(
            train=False, **args.preprocessor_conf
        ).window_seconds
        branches = {}
        output_size = 0
        for branch, frontend_slot, encoder_slot, rate in (
            ("ssl", ssl_frontend_choices, ssl_encoder_choices, SSL_RATE),
            (
                "spectrogram",
                spectrogram_frontend_choices,
                spectrogram_encoder_choices,
                SPECTROGRAM_RATE,
            ),
        ):
            frontend = encoder = None
            if _uses_branch(args, branch):
                frontend_class = frontend_slot.get_class(
                    getattr(args, frontend_slot.name)
                )
                frontend, encoder = _build_branch(
                    frontend_class(**getattr(args, f"{frontend_slot.name}_conf")),
                    encoder_slot.get_class(getattr(args, encoder_slot.name)),
                    getattr(args, f"{encoder_slot.name}_conf"),
                    round(window_seconds * rate),
                )
                output_size += encoder.output_size()
            branches[f"{branch}_frontend"] = frontend
            branches[f"{branch}_encoder"] = encoder
        if output_size == 0:
            raise ValueError("both branches are none: nothing is left to train")

        head = head_choices.get_class(args.head)(
            input_size=output_size, **args.head_conf
        )
        model = ESPnetMosModel(**branches, head=head, **args.model_conf)
        if args.init is not None:
            initialize(model, args.init)
            # ESPnet does so for a frontend that is called that.
            if hasattr(model.ssl_frontend, "reload_pretrained_parameters"):
                model.ssl_frontend.reload_pretrained_parameters()
        logging.info(
            "trainable parameters: %d",
            sum(p.numel() for p in model.parameters() if p.requires_grad),
        )
        return model
