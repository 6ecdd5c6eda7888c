"""The command `samos evaluate`."""

import argparse
import contextlib
import functools
import hashlib
import sys
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, Sequence

from espnet_samos.bin.samos.model_options import load_predictor
from espnet_samos.inference.clip_list import list_clips
from espnet_samos.model_zoo.find import DEFAULT_MODEL, TrainedModel, find_model
from espnet_samos.utils.files import add_file

# Takes the clips of a set, gives what `predictions.predict_once` reads
Scorer = Callable[[Sequence], Iterable]

DESCRIPTION = (
    "Evaluate predictors on clips that people rated. Scores the clips of data "
    "directories with the default model, with others and with published predictors "
    "that are installed, and writes one report with plots. Whole sets that are scored "
    "already are not scored again."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="FOLDER",
        help="data directories with wav.scp, mos, utt2sys, utt2fs and, if known, "
        "utt2spk, mos_std, utt2votes, mos_scale, label_note; or folders of them, as "
        "'samos prepare' writes them",
    )
    parser.add_argument(
        "--model",
        nargs="+",
        default=[],
        metavar="[NAME=]MODEL",
        help="models to score with beside the default one, as 'samos score' takes "
        "them; the report calls them by the last part of their path, or NAME",
    )
    parser.add_argument(
        "--peers",
        nargs="*",
        metavar="PEER",
        help="published predictors: distillmos, dnsmos; none with no name (default: "
        "all that are installed)",
    )
    parser.add_argument(
        "--output_dir",
        type=Path,
        default=Path("rated"),
        help="gets RATED.md, rated.json, clips.csv, plots and, in "
        "<predictor>/<set>, predictions (default: %(default)s)",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="take a model whose frontend can run code that comes with it",
    )
    parser.add_argument(
        "--batch_size",
        type=int,
        default=8,
        help="windows that a model takes at a time (default: %(default)s)",
    )
    # as the peers run
    parser.set_defaults(
        engine="auto",
        device="cpu",
        dtype="float32",
        multichannel="downmix",
        windows="all",
    )


def run(args: argparse.Namespace) -> int:
    """Score all sets with all predictors, and write the report."""
    # scipy takes a while to import: not for --help
    from espnet_samos.evaluation.rated import find_sets, rate_set
    from espnet_samos.evaluation.rated_report import write_report
    from espnet_samos.peers import choose_peers

    sets = find_sets(args.folders)
    models = _named([DEFAULT_MODEL, *args.model])
    peers, left_out = choose_peers(args.peers)
    names = [*models, *(name for peer in peers.values() for name in peer.names)]
    if clash := {name for name in names if names.count(name) > 1}:
        raise ValueError(
            f"a model is called {min(clash)}, as a peer's score is: give it another "
            f"name, --model NAME={models[min(clash)]}"
        )
    files = {name: find_model(model) for name, model in models.items()}
    for reason in left_out:
        print(f"samos: left out: {reason}", file=sys.stderr)
    for name, model in models.items():
        made_from = {"model": _digest(files[name]), "windows": args.windows}
        load = functools.partial(_model_scorer, args, name, model)
        _predict(args.output_dir, sets, [name], made_from, load)
    for peer in peers.values():
        load = functools.partial(_peer_scorer, peer)
        _predict(args.output_dir, sets, peer.names, {"package": peer.version()}, load)
    rated = [
        rate_set(path, {name: args.output_dir / name / test_set for name in names})
        for test_set, path in sets.items()
    ]
    report = write_report(rated, args.output_dir, left_out)
    print(report.read_text(encoding="utf-8"))
    print(f"report: {report}", file=sys.stderr)
    return 0


def _named(models: List[str]) -> Dict[str, str]:
    """Name models by the last part of their paths, or as `NAME=MODEL` says.

    Raises:
        ValueError: Two models have one name, or one is no name of a folder.
    """
    named: Dict[str, str] = {}
    for text in models:
        name, equals, model = text.partition("=")
        if not equals:
            path = Path(text)
            name, model = path.parent.name if path.suffix == ".pth" else path.name, text
        if not name or name != Path(name).name:
            raise ValueError(f"'{text}' has no name to report: give NAME=MODEL")
        if named.setdefault(name, model) != model:
            raise ValueError(
                f"{named[name]} and {model} are both called {name}: give one of them "
                "another name, --model NAME=MODEL"
            )
    return named


def _digest(files: TrainedModel) -> str:
    """Compute a digest of a model's files."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(add_file(hashlib.sha256(), path).digest())
    return digest.hexdigest()[:16]


def _predict(
    output_dir: Path,
    sets: Mapping[str, Path],
    names: Sequence[str],
    made_from: Mapping[str, str],
    load: Callable[[], Scorer],
) -> None:
    """Score all sets with one predictor, which is loaded only if needed."""
    from tqdm import tqdm

    from espnet_samos.evaluation.predictions import digest_of, predict_once

    load = functools.cache(load)
    for test_set, path in sets.items():
        wav_scp = path / "wav.scp"
        title = f"{', '.join(names)}: {test_set}"

        def score(wav_scp: Path = wav_scp, title: str = title) -> Iterable:
            clips = list_clips([str(wav_scp)])
            scored = load()(clips)
            # None: where standard error is a terminal
            return tqdm(scored, title, len(clips), unit="clip", disable=None)

        made = {**made_from, "clips": digest_of(wav_scp)}
        with _one_thread():
            new = predict_once(output_dir, test_set, names, made, score)
        print(f"samos: {title}: {'scored' if new else 'is there'}", file=sys.stderr)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute in one thread, so that costs can be compared."""
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


def _model_scorer(args: argparse.Namespace, name: str, model: str) -> Scorer:
    predictor = load_predictor(argparse.Namespace(**{**vars(args), "model": model}))

    def score(clips: Sequence) -> Iterator:
        for result in predictor.predict_clips(clips, args.batch_size, num_workers=0):
            if result.error is not None:
                raise ValueError(f"{result.name} cannot be scored: {result.error}")
            yield result.name, {name: (result.mean, result.std)}, result.duration

    return score


def _peer_scorer(peer: type) -> Scorer:
    from espnet_samos.integrations.peers import score_clips

    return functools.partial(score_clips, peer())
