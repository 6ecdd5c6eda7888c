"""The MOS prediction task."""

import argparse
from pathlib import Path
from typing import Callable, List, Optional, Tuple

import torch
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str2bool

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.mos.build import build_model, build_preprocessor, labels_of
from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.mos.slots import SLOTS
from espnet_samos.tasks.guarded import GuardedTask
from espnet_samos.tasks.model_arguments import add_model_arguments
from espnet_samos.train import data_types  # noqa: F401 (adds what datasets read)
from espnet_samos.train.checkpoint import check_fits
from espnet_samos.train.dump_ssl_feats import ssl_settings, weights_digest
from espnet_samos.train.ssl_feats import check_same_ssl
from espnet_samos.train.trainer import MosTrainer
from espnet_samos.utils.score_names import score_tables, table_name

LABELS = ("mos", "corpus", "mos_std", "votes")  # of a clip, one each
SCORES = "scores"  # a data directory, whose labels of further scores are read


class MosTask(GuardedTask):
    """Train predictors of the mean opinion score (SA-SSL-MOS, SSL-Layer-MOS)."""

    num_optimizers: int = 1

    class_choices_list = SLOTS

    trainer = MosTrainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Register the slots and their options."""
        group = parser.add_argument_group(description="Task related")
        add_model_arguments(group)

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
            "multichannel, and in training random_window, random_rotation, gain_db, "
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
        group.add_argument(
            "--compile",
            type=str2bool,
            default=False,
            help="Compile the encoders with torch.compile: faster on a GPU after some "
            "tens of seconds",
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
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Stack windows, which all have the same length."""
        return CommonCollateFn(
            not_sequence=[*LABELS, *map(table_name, labels_of(args))]
        )

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
        preprocessor = build_preprocessor(args, train)
        data_names = [name for _, name, _ in args.train_data_path_and_name_and_type]
        if train and "ssl_feats" in data_names:
            preprocessor.check_no_random_options()
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
        """Allow SSL features computed beforehand, corpora's names, further labels."""
        return () if inference else ("ssl_feats", SCORES, *LABELS)

    @classmethod
    def build_optimizers(
        cls, args: argparse.Namespace, model: ESPnetMosModel
    ) -> List[torch.optim.Optimizer]:
        """Build the optimiser, with the SSL frontend's own learning rate.

        Raises:
            ValueError: An SSL frontend is to be trained beside SSL features from
                disk, which would leave it as it is; these are features of another SSL
                model, layer or window; its learning rate is set though it is not
                trained; or a score that the head predicts has no labels.
            TrainingError: The checkpoint to resume from is of another model.
        """
        cls._check_labels(args, model)
        ssl = [] if model.ssl_frontend is None else model.ssl_frontend.parameters()
        ssl = [parameter for parameter in ssl if parameter.requires_grad]
        data_names = [name for _, name, _ in args.train_data_path_and_name_and_type]
        if ssl and "ssl_feats" in data_names:
            raise ValueError(
                "the SSL frontend cannot be trained with SSL features from disk "
                "(--dump_ssl_feats false), or has to be frozen "
                "(ssl_frontend_conf.freeze: true)"
            )
        cls._check_ssl_feats(args, model)
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
    def _check_labels(cls, args: argparse.Namespace, model: ESPnetMosModel) -> None:
        """Check that there are labels of every score that the head predicts."""
        inputs = args.train_data_path_and_name_and_type
        folders = [path for path, name, _ in inputs if name == SCORES]
        there = {name for folder in folders for name in score_tables(folder)}
        missing = [name for name in model.head.scores[1:] if name not in there]
        if missing:
            raise ValueError(
                f"head_conf.scores has {', '.join(missing)}, but no clip to train on "
                f"has such a label ({', '.join(folders) or 'no data directory'}): add "
                f"a table {table_name(missing[0])}, or leave the score out"
            )

    @classmethod
    def _check_ssl_feats(cls, args: argparse.Namespace, model: ESPnetMosModel) -> None:
        """Check that SSL features from disk are those that the model would compute."""
        folders = {
            Path(path).parent
            for path, _, kind in (
                *args.train_data_path_and_name_and_type,
                *args.valid_data_path_and_name_and_type,
            )
            if kind == "ssl_feats"
        }
        if not folders:
            return
        preprocessor = MosPreprocessor(train=False, **args.preprocessor_conf)
        ssl = ssl_settings(args.ssl_frontend, args.ssl_frontend_conf, preprocessor)
        # ESPnet has rounded the weights where it trains in less.
        if args.train_dtype in ("float32", "float64"):
            ssl["weights"] = weights_digest(model.ssl_frontend)
        for folder in sorted(folders):
            check_same_ssl(folder, ssl)

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> ESPnetMosModel:
        """Build the model from its slots; see `espnet_samos.mos.build`."""
        return build_model(args)
