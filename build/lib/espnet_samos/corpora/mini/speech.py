"""Clean speech of the mini corpus: sentences, virtual speakers, synthesis.

Open JTalk's voice "Mei" speaks Japanese at 48 kHz with real energy above 8 kHz,
offline. Transposition and a resampling warp, which moves the formants, make six
virtual speakers of it.
"""

import contextlib
import io
import itertools
from typing import Dict, List, NamedTuple, Sequence

import numpy as np
import soxr

REFERENCE_FS = 48000
MAX_SECONDS = 3.0
# Fast enough for nearly every sentence to end within MAX_SECONDS.
TEMPO = 1.1
LEVEL_DB = -26.0
# What is louder than this is speech; so much silence is kept around it.
SILENCE = 0.01
MARGIN_SECONDS = 0.1
FADE_SECONDS = 0.02

VOICE_ATTRIBUTION = (
    'HTS Voice "Mei", released by MMDAgent Project Team (http://www.mmdagent.jp/), '
    "Copyright (c) 2009-2013 Nagoya Institute of Technology, Department of Computer "
    "Science, licensed under the Creative Commons Attribution 3.0 license "
    "(http://creativecommons.org/licenses/by/3.0/)"
)

SUBJECTS = "先生 学生 母 兄 猫 医者 友だち 旅人 祖父 妹".split()
PLACES = "公園で 駅前で 図書館で 海辺で 学校で 静かな町で 台所で 雪山で".split()
ACTIONS = (
    "本を読みます 魚を食べました 歌を歌います 写真を撮りました "
    "手紙を書きました 電話をしました 靴を買いました 朝早く走ります"
).split()

# Of what only the broad corpus says. Without a place a sentence is short.
FURTHER_SUBJECTS = "子ども 姉 弟 社長 店員 警官 犬 隣の人 彼女 村の人々".split()
FURTHER_PLACES = [
    "",
    *"毎晩 庭で 昨日の夜 新しい店で 小さな島で 窓のそばで 大阪の会社で".split(),
]
FURTHER_ACTIONS = (
    "笑いました 泣いています 電車に乗ります 野菜を切りました 部屋を掃除します "
    "自転車を直しました 絵を描いています 牛乳を飲みます 新聞を広げました "
    "古い時計を探しています"
).split()


class Speaker(NamedTuple):
    """A virtual speaker: half tones added to the voice, and factor of the warp."""

    half_tone: float
    warp: float


SPEAKERS: Dict[str, Speaker] = {
    "mei1": Speaker(0, 1.0),
    "mei2": Speaker(-6, 0.88),
    "mei3": Speaker(3, 1.08),
    "mei4": Speaker(-3, 0.94),
    "mei5": Speaker(5, 1.0),
    "mei6": Speaker(-8, 0.84),
}


def sentences() -> List[str]:
    """Return every sentence, in an order that mixes the words.

    The further ones come last: what was said before there were any stays the same.
    """
    return [
        *_mixed(SUBJECTS, PLACES, ACTIONS),
        *_mixed(FURTHER_SUBJECTS, FURTHER_PLACES, FURTHER_ACTIONS),
    ]


def _mixed(
    subjects: Sequence[str], places: Sequence[str], actions: Sequence[str]
) -> List[str]:
    all_sentences = [
        f"{subject}が、{place}{action}。"
        for subject, place, action in itertools.product(subjects, places, actions)
    ]
    order = np.random.default_rng(0).permutation(len(all_sentences))
    return [all_sentences[i] for i in order]


def synthesise(text: str, speaker: str) -> np.ndarray:
    """Synthesise Japanese: samples (NSamples,) at 48 kHz, at most 3 s, -26 dB RMS."""
    samples = synthesise_voice(text, SPEAKERS[speaker])
    samples = samples[: int(MAX_SECONDS * REFERENCE_FS)]
    fade = int(FADE_SECONDS * REFERENCE_FS)
    samples[-fade:] *= np.linspace(1, 0, fade)
    return set_level(samples)


def synthesise_voice(text: str, speaker: Speaker) -> np.ndarray:
    """Synthesise Japanese: samples (NSamples,) at 48 kHz, a little silence around."""
    # The import prints a warning about a part that is not used here.
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        import pyopenjtalk

    half_tone, warp = speaker
    # The warp changes the tempo by its factor, which the speed takes back.
    # use_vanilla: the result must not depend on which optional parts are installed.
    samples, fs = pyopenjtalk.tts(
        text, speed=TEMPO / warp, half_tone=half_tone, use_vanilla=True
    )
    samples = soxr.resample(samples / 32768, fs * warp, REFERENCE_FS)
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    margin = int(MARGIN_SECONDS * REFERENCE_FS)
    return samples[max(loud[0] - margin, 0) : loud[-1] + margin]


def set_level(samples: np.ndarray, level_db: float = LEVEL_DB) -> np.ndarray:
    """Scale to this RMS in dB re full scale: (NSamples,) -> (NSamples,)."""
    rms = np.sqrt(np.mean(np.square(samples)))
    return samples * (10 ** (level_db / 20) / rms)
