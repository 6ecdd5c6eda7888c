"""The constants of the broad corpus' labels, and what each term of the rule is worth.

The conditions of two listening tests, TCD-VoIP and the P.835 reference conditions, are
applied to other clean voices; what is measured of them is compared with the mean
ratings of each condition. The rule is fitted to all, each test with an offset of its
own, and tried on kinds of degradation that it was not fitted to.

    python -m benchmarks.label_rule --tcd_voip <folder> --p835_reference <folder> \
        --recordings <folder of broad>/recordings --measures measures.csv

A run that was killed resumes from the file of measures.
"""

import argparse
import datetime
import math
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora import p835_reference, tcd_voip
from espnet_samos.corpora.broad.distortion import worst_distortion
from espnet_samos.corpora.broad.labels import CLEAN, HIGHEST, LOWEST
from espnet_samos.corpora.broad.voice_list import NATIVE
from espnet_samos.corpora.degradations import (
    Degradation,
    amplitude,
    losses,
    noise,
    rooms,
)
from espnet_samos.corpora.spreadsheet import read_sheet
from espnet_samos.peers.distillmos import DistillMos
from espnet_samos.peers.dnsmos import DnsmosP808
from espnet_samos.utils.environment import machine

FS = 16000
CHOP_MODES = {"1": "silence", "2": "delete", "3": "repeat"}
NOISE_SLOPES_DB = {"car": -8.0, "road": -4.0, "office": -5.0}
# Of the published test plan: signal-to-noise ratio and Q of the MNRU in dB
P835_PLAN = {
    **{"c1": (40, 8), "c2": (40, 16), "c3": (40, 24), "c4": (40, 32), "c5": (40, 40)},
    **{"c6": (0, 40), "c7": (10, 40), "c8": (20, 40), "c9": (30, 40)},
    **{"c10": (10, 16), "c11": (20, 24), "c12": (30, 32)},
}
TERMS = {
    "Distill-MOS": ["distillmos"],
    "DNSMOS P.808": ["dnsmos_p808"],
    "both": ["distillmos", "dnsmos_p808"],
    "both and distortion": ["distillmos", "dnsmos_p808", "distortion"],
    "all": ["distillmos", "dnsmos_p808", "distortion", "modulated"],
}


class Condition(NamedTuple):
    """A condition of a listening test, and how to apply it.

    Attributes:
        test: The test.
        name: Its name there.
        kind: What kind of degradation it is.
        mos: The mean of its ratings.
        modulated: Whether its noise follows the speech.
        degrade: Applies it; takes speech of other voices too.
    """

    test: str
    name: str
    kind: str
    mos: float
    modulated: bool
    degrade: Callable[[Sequence[np.ndarray]], Degradation]


def tcd_conditions(folder: Path) -> Iterator[Condition]:
    """Read the conditions of TCD-VoIP, and what listeners gave them."""
    ratings: Dict[str, List[float]] = {}
    for clip in tcd_voip.prepare(folder)["tcd_voip"]:
        assert clip.mos is not None  # without ratings, they are left out
        ratings.setdefault(clip.system, []).append(clip.mos)
    (book,) = folder.glob("*.xlsx")
    seen = set()
    for row in read_sheet(book, "Test Conditions", ["Filename", "ConditionID"]):
        number, kind = row.cells["Filename"].split("_")[1:3]
        name = f"{kind.lower()}_{number}"
        if name in seen or name not in ratings:
            continue
        seen.add(name)
        mos = float(np.mean(ratings[name]))
        modulated = cell(row.cells, "MNRU Q") is not None
        degrade = partial(_tcd, kind, row.cells)
        yield Condition("tcd_voip", name, kind, mos, modulated, degrade)


def cell(cells: Dict[str, str], column: str) -> Optional[float]:
    """Read a cell of the sheet; None where it is empty, or "n.a."."""
    try:
        return float(cells[column])
    except ValueError:
        return None


def _tcd(kind: str, cells: Dict[str, str], others: Sequence[np.ndarray]) -> Degradation:
    """Return what a line of the sheet describes."""
    if (q_db := cell(cells, "MNRU Q")) is not None:
        return partial(noise.mnru, q_db=q_db)
    if kind == "CHOP" and cell(cells, "Chop Rate"):
        return partial(
            losses.chop,
            period_ms=1000 * cell(cells, "Chop Period"),
            rate=cell(cells, "Chop Rate"),
            mode=CHOP_MODES[cells["Chop Mode"].removesuffix(".0")],
        )
    if kind == "CLIP" and cell(cells, "Clip Gain") != 1:
        gain = cell(cells, "Clip Gain")
        return lambda x, fs, rng: np.clip(x * gain, -1, 1) / gain
    talker_db = cell(cells, "Competing Speaker SNR")
    if kind == "COMPSPKR" and talker_db is not None:
        return partial(noise.add, other=others[0], snr_db=talker_db)
    if kind == "ECHO" and cell(cells, "Echo Alpha"):
        return partial(
            rooms.talker_echo,
            delay_ms=cell(cells, "Echo Delay"),
            gain=cell(cells, "Echo Alpha"),
            feedback=cell(cells, "Feedback Factor"),
        )
    if kind == "NOISE" and (snr_db := cell(cells, "Noise Gain")) is not None:
        if cells["Noise Type"] == "babble":
            length = max(map(len, others))
            babble = np.sum([np.resize(x, length) for x in others], axis=0)
            return partial(noise.add, other=babble, snr_db=snr_db)
        slope_db = NOISE_SLOPES_DB[cells["Noise Type"]]
        return partial(noise.coloured, snr_db=snr_db, slope_db=slope_db)
    return amplitude.clean


def p835_conditions(folder: Path) -> Iterator[Condition]:
    """Read the P.835 reference conditions, and what listeners gave them."""
    for test, clips in p835_reference.prepare(folder).items():
        ratings = pd.DataFrame([(c.system, c.mos) for c in clips]).groupby(0)[1].mean()
        for name, mos in ratings.items():
            short = str(name).split("_")[-1]
            # with noise besides, Q of 40 dB is not heard
            snr_db, q_db = P835_PLAN.get(short, (0, 40))
            modulated = q_db < 40 or snr_db == 40
            degrade = partial(_p835, short)
            yield Condition(test, str(name), "P835", mos, modulated, degrade)


def _p835(name: str, others: Sequence[np.ndarray]) -> Degradation:
    if name not in P835_PLAN:
        return amplitude.clean
    snr_db, q_db = P835_PLAN[name]

    def degrade(x: np.ndarray, fs: int, rng: np.random.Generator) -> np.ndarray:
        modulated = noise.mnru(x, fs, rng, q_db)
        return modulated + (noise.coloured(x, fs, rng, snr_db) - x)

    return degrade


def measure(
    conditions: Sequence[Condition], recordings: Path, path: Path
) -> pd.DataFrame:
    """Apply the conditions to all voices; measure what is not in the file yet."""
    measured = pd.read_csv(path) if path.is_file() else pd.DataFrame({"test": []})
    done = set(zip(measured.test, measured.get("name", []), strict=True))
    teachers = [DistillMos(), DnsmosP808()]
    speech = {name: _speak(NATIVE[name](recordings), 0) for name in NATIVE}
    others = [
        _speak(NATIVE[name](recordings), 9) for name in ("carlo", "june", "maxim")
    ]
    for condition in conditions:
        if (condition.test, condition.name) in done:
            continue
        rows = []
        for voice, clean in speech.items():
            rng = np.random.default_rng(0)
            samples = condition.degrade(others)(clean, FS, rng)
            rows.append(
                dict(
                    condition._asdict() | dict(degrade="", voice=voice),
                    distortion=worst_distortion(clean, samples)
                    if len(samples) == len(clean)
                    else math.nan,
                )
            )
            level = samples / max(1.0, float(np.abs(samples).max()))
            for teacher in teachers:
                rows[-1] |= teacher.scores(level.astype(np.float32), FS)
        measured = pd.concat([measured, pd.DataFrame(rows)], ignore_index=True)
        measured.to_csv(path, index=False)
        print(f"{condition.test} {condition.name}", flush=True)
    return measured


def _speak(voice: Any, number: int) -> np.ndarray:
    samples = voice.speak("dev", np.random.default_rng(number))
    return resample(samples, voice.fs, FS).astype(np.float64)


def fit(means: pd.DataFrame, terms: Sequence[str]) -> Callable[[pd.DataFrame], Any]:
    """Fit the rule with these terms; return its predictions for conditions, and it."""
    tests = sorted(set(means.test))

    def features(frame: pd.DataFrame) -> np.ndarray:
        columns = [
            np.log(frame[term] + 0.5) if term == "distortion" else frame[term]
            for term in terms
        ]
        return np.stack([*columns, *(frame.test == test for test in tests)], axis=1)

    def predict(weights: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
        z = features(frame).astype(float) @ weights
        return LOWEST + (HIGHEST - LOWEST) / (1 + np.exp(-z))

    result = least_squares(
        lambda weights: predict(weights, means) - means.mos,
        np.zeros(len(terms) + len(tests)),
    )
    return lambda frame: (predict(result.x, frame), result.x)


def main() -> None:
    """Measure, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tcd_voip", type=Path, required=True)
    parser.add_argument("--p835_reference", type=Path, required=True)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--measures", type=Path, required=True)
    args = parser.parse_args()
    conditions = [
        *tcd_conditions(args.tcd_voip),
        *p835_conditions(args.p835_reference),
    ]
    measured = measure(conditions, args.recordings, args.measures)
    means = (
        measured.groupby(["test", "name", "kind"]).mean(numeric_only=True).reset_index()
    )
    in_time = means[means.distortion.notna()].reset_index(drop=True)
    print(f"\n{machine()}, {datetime.date.today()}, {len(in_time)} conditions\n")
    clean = measured[measured.distortion == 0].groupby("voice")[list(CLEAN)].mean()
    print(f"clean, mean over voices: {clean.mean().round(2).to_dict()}\n")
    print("| terms | TCD-VoIP | other kinds | fb48 | wb16 | weights, tests' offsets |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for name, terms in TERMS.items():
        predicted, weights = fit(in_time, terms)(in_time)
        unseen = np.zeros(len(in_time))
        for kind in set(in_time.kind):
            held = in_time.kind == kind
            unseen[held] = fit(in_time[~held], terms)(in_time[held])[0]
        tcd = in_time.test == "tcd_voip"
        found = [np.corrcoef(predicted[tcd], in_time.mos[tcd])[0, 1]]
        found.append(np.corrcoef(unseen[tcd], in_time.mos[tcd])[0, 1])
        for test in ("p835_fb48", "p835_wb16"):
            its = in_time.test == test
            found.append(np.corrcoef(predicted[its], in_time.mos[its])[0, 1])
        cells = [name, *(f"{value:.3f}" for value in found), str(weights.round(2))]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
