"""What comparisons teach, against the difference of scores, on the mini corpus.

    python -m benchmarks.pairs <folder of mini>

A pair is two degradations of one utterance. Its comparison is computed, as the corpus'
labels are: 3/4 of their difference, so that 1..5 becomes -3..3. No one listened.
All heads get the same vectors, those of the packaged model's encoders, of the first
window of each clip. One learns pairs, the other learns the labels of the same clips.
"""

import argparse
import csv
import datetime
import itertools
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import numpy as np
import torch

from espnet_samos.audio.reading import read_clip
from espnet_samos.audio.windows import cut_windows
from espnet_samos.evaluation.metrics import lcc
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.inference.torch_engine import collate
from espnet_samos.mos.abs_head import AbsHead
from espnet_samos.mos.comparison_head import ComparisonHead
from espnet_samos.utils import Z95
from espnet_samos.utils.config import read_config
from espnet_samos.utils.environment import machine

PARTS = {
    "train": ("mini_pretrain", "mini_train"),
    "valid": ("mini_pretrain_dev", "mini_dev"),
    "test": ("mini_test",),
    "unseen": ("mini_unseen",),
}
SHARE = 0.75  # of a difference of labels, 1 to 5, in a comparison, -3 to 3
SEEDS = 5
LABELS, PAIRS = "labels of the same clips, scores", "pairs, comparison"
LONGER = f"{LABELS}, 3 × the epochs"
CONF = read_config(Path(__file__).parents[1] / "conf/pairs.yaml")
Prediction = Tuple[torch.Tensor, torch.Tensor]


class Part(NamedTuple):
    """Clips of a part of the corpus, and its pairs."""

    vectors: torch.Tensor  # (NClips, Dim)
    mos: torch.Tensor  # (NClips,)
    pairs: torch.Tensor  # (NPairs, 2), places of their clips

    @property
    def ccr(self) -> torch.Tensor:
        """The comparisons (NPairs,)."""
        a, b = self.mos[self.pairs].unbind(1)
        return SHARE * (b - a)


def read_part(corpus_dir: Path, rows: List[Dict[str, str]], cache: Path) -> Part:
    """Compute vectors of clips, or read them, and pair clips of one utterance."""
    if not cache.is_file():
        predictor = MosPredictor.from_pretrained(engine="torch")
        vectors = []
        for row in rows:
            samples, fs = read_clip(corpus_dir / row["path"])
            window = next(
                cut_windows(
                    *([samples], fs, predictor.preprocess.rates()),
                    predictor.window_seconds,
                    pad_short_clips=predictor.preprocess.pad_short_clips,
                )
            )
            with torch.no_grad():
                vectors.append(predictor.model.encode(**collate([window.data])))
        torch.save(torch.cat(vectors), cache)
    groups: Dict[Tuple[str, ...], List[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault((row["set"], row["speaker"], row["text"]), []).append(i)
    rng = np.random.default_rng(0)
    pairs = [
        pair if rng.random() < 0.5 else pair[::-1]
        for group in groups.values()
        for pair in itertools.combinations(group, 2)
    ]
    mos = torch.tensor([float(row["mos"]) for row in rows])
    return Part(torch.load(cache), mos, torch.tensor(pairs))


def compared(head: AbsHead, part: Part, of_pairs: bool) -> Prediction:
    """Return mean and standard deviation (NPairs,) of comparisons.

    Args:
        of_pairs: The head learnt pairs; if not, it is the difference of its scores.
    """
    with torch.no_grad():
        mean, variance = head.eval()(part.vectors)
    (mean_a, mean_b), (a, b) = (x[part.pairs].unbind(1) for x in (mean, variance))
    if of_pairs:
        mean, variance = ComparisonHead.compare((mean_a, a), (mean_b, b))
        return mean, variance.sqrt()
    return SHARE * (mean_b - mean_a), SHARE * (a + b).sqrt()


def loss_of(head: AbsHead, part: Part, items: torch.Tensor, of_pairs: bool):
    """Compute the loss of some pairs or clips, as the trainings do."""
    if not of_pairs:
        return head.loss(*head(part.vectors[items]), part.mos[items])
    a, b = part.pairs[items].unbind(1)
    utility, dispersion = head(part.vectors[torch.cat([a, b])])
    both = zip(utility.chunk(2), dispersion.chunk(2), strict=True)
    return head.loss(*ComparisonHead.compare(*both), part.ccr[items])


def train(
    head: AbsHead,
    parts: Dict[str, Part],
    of_pairs: bool,
    num_epochs: int,
    seed: int,
) -> None:
    """Train a head as conf/pairs.yaml says, and leave it as it was best."""
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(head.parameters(), **CONF["optim_conf"])
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_epochs)
    num_items = {
        name: len(part.pairs if of_pairs else part.mos) for name, part in parts.items()
    }
    best = float("inf")
    state: Dict[str, torch.Tensor] = {}
    for _ in range(num_epochs):
        head.train()
        for items in torch.randperm(num_items["train"]).split(CONF["batch_size"]):
            if len(items) > 1:
                optimizer.zero_grad()
                loss_of(head, parts["train"], items, of_pairs).backward()
                optimizer.step()
        scheduler.step()
        head.eval()
        with torch.no_grad():
            every = torch.arange(num_items["valid"])
            loss = float(loss_of(head, parts["valid"], every, of_pairs))
        if loss < best:
            best = loss
            state = {name: value.clone() for name, value in head.state_dict().items()}
    head.load_state_dict(state)


def figures(prediction: Prediction, ccr: torch.Tensor) -> List[float]:
    """Return LCC, agreement of signs, RMSE, share within the interval, mean std."""
    mean, std = prediction
    error = mean - ccr
    agree = (mean.sign() == ccr.sign()).float().mean()
    inside = (error.abs() <= Z95 * std).float().mean()
    rmse = error.square().mean().sqrt()
    found = lcc(ccr.double().numpy(), mean.double().numpy())
    return [found, *map(float, (agree, rmse, inside, std.mean()))]


def main() -> None:
    """Train heads on pairs and on labels, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus_dir", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("exp/pairs_vectors"))
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    with (args.corpus_dir / "metadata.csv").open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    parts = {}
    for name, sets in PARTS.items():
        chosen = [row for row in rows if row["set"] in sets]
        parts[name] = read_part(args.corpus_dir, chosen, args.cache / f"{name}.pt")

    packaged = MosPredictor.from_pretrained(engine="torch").model.head
    size = parts["train"].vectors.shape[1]
    rated: Dict[str, List[AbsHead]] = {"packaged model, scores": [packaged]}
    for name, factor in ((LABELS, 1), (LONGER, 3), (PAIRS, 1)):
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            # one design for both, so that it is what is learnt that differs
            head = ComparisonHead(size, **CONF["comparison_conf"])
            if name != PAIRS:
                torch.nn.init.constant_(head.utility_mlp[-1].bias, 3.0)
            num_epochs = factor * CONF["max_epoch"]
            train(head, parts, name == PAIRS, num_epochs, seed)
            rated.setdefault(name, []).append(head)
    print(f"{datetime.date.today()}, {machine()}\n")
    print(
        f"Trained on {len(parts['train'].pairs)} pairs of {len(parts['train'].mos)} "
        f"clips; means over {SEEDS} seeds (± their standard deviation of the LCC).\n"
    )
    print("| pairs | learnt from | LCC | same sign | RMSE | in the interval | std |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for part_name in ("test", "unseen"):
        part = parts[part_name]
        for name, heads in rated.items():
            found = [
                figures(compared(head, part, name == PAIRS), part.ccr) for head in heads
            ]
            lcc_, sign, rmse, inside, std = np.mean(found, axis=0)
            spread = np.std([row[0] for row in found])
            where = f"{part_name}, {len(part.pairs)}"
            print(
                f"| {where} | {name} | {lcc_:.3f} ± {spread:.3f} | {sign:.1%} "
                f"| {rmse:.3f} | {inside:.1%} | {std:.2f} |"
            )


if __name__ == "__main__":
    main()
