"""Mutated files through every reader: `make fuzz`.

Each input has to end in what the reader is for, or in an error of the documented kind
that names the file, within bounded time and memory. A worker process does the reading,
so that a crash of a decoder is found as well. What fails is kept, with its traceback.

    python -m tests.fuzz --seconds 240 --seed 0 --output fuzz
"""

import argparse
import collections
import faulthandler
import gc
import io
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import traceback
import zipfile
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple

import av
import numpy as np
import soundfile
import torch
import yaml

from espnet_samos.audio.reading import AudioError, measure
from espnet_samos.corpora import csv_reader
from espnet_samos.corpora.data_dir import read_data_dir
from espnet_samos.inference.clip_list import InputError, list_clips, read_sheet
from espnet_samos.inference.clips import Clip
from espnet_samos.model_zoo import find, weights
from espnet_samos.mos.build import load_model
from espnet_samos.utils.config import merge_files
from espnet_samos.utils.tables import DataError
from tests.tiny_model import save_model, speechlike

SECONDS = 20  # for one input
MEMORY = 4 * 2**30  # of the worker, beyond what it has when it begins
TOKENS = (
    *(b"\0", b"\n", b"\r\n", b"\t", b" ", b",", b'"', b"'", b":", b"{", b"[", b"- "),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80", b"\xef\xbb\xbf", b"..", b"/"),
    *(b"nan", b"1e999", b"-1", b"99999999999999999999", b"\xe2\x80\xa8", b"!!python/"),
)


class Target(NamedTuple):
    """A reader.

    Attributes:
        name: What it reads.
        suffix: Of its files.
        seeds: Files that it reads, to be mutated.
        read: Reads a file.
        errors: What it may raise.
    """

    name: str
    suffix: str
    seeds: List[bytes]
    read: Callable[[Path], object]
    errors: Tuple[type, ...]


def audio_seeds() -> Dict[str, bytes]:
    """Make short clips in formats of both decoders."""
    seeds = {}
    clip = speechlike(0.6, 16000)
    for name, options in {
        "wav": {},
        "wav_float": dict(format="WAV", subtype="FLOAT"),
        "wav_gsm": dict(format="WAV", subtype="GSM610"),
        "flac": {},
        "ogg": {},
        "opus": dict(format="OGG", subtype="OPUS"),
        "mp3": {},
        "aiff": {},
        "au": {},
        "caf": {},
    }.items():
        file = io.BytesIO()
        soundfile.write(file, clip, 16000, **{"format": name, **options})
        seeds[name] = file.getvalue()
    for name, codec in {"mp4": "aac", "webm": "libopus", "avi": "mp3"}.items():
        file = io.BytesIO()
        with av.open(file, "w", format=name) as container:
            stream = container.add_stream(codec, rate=48000, layout="mono")
            frame = av.AudioFrame.from_ndarray(
                speechlike(0.6, 48000)[None], format="flt", layout="mono"
            )
            frame.sample_rate = 48000
            resampler = av.AudioResampler(stream.format, "mono", 48000)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(part))
            container.mux(stream.encode(None))
        seeds[name] = file.getvalue()
    return seeds


def score_windows(path: Path) -> None:
    """Read a clip to its end as the predictor does, and as data preparation does."""
    clip = Clip(str(path), path, "downmix")
    for window in clip.windows(
        dict(speech_16k=16000, speech_48k=48000), 1.0, 0.5, "all"
    ):
        assert all(np.isfinite(data).all() for data in window.data.values())
    clip.monitor.report()
    measure(path)


def read_scp(path: Path) -> None:
    """Read a list; commands in it would be the fuzzer's own words."""
    path.write_bytes(path.read_bytes().replace(b"|", b"x"))
    for name, source in list_clips([str(path)]):
        name.encode()
        try:
            list(Clip(name, source, "downmix").windows(dict(x=16000), 1.0, 0.5, "all"))
        except AudioError as e:
            str(e).encode()


def load(folder: Path) -> None:
    """Load a folder's model, and score a second."""
    found = find.find_model(folder)
    found.card()
    with found.usable_config() as config:
        load_model(config, found.model_file, "cpu")


def targets(directory: Path) -> List[Target]:
    """List the readers."""
    clip = directory / "a b.wav"
    soundfile.write(clip, speechlike(0.3, 16000), 16000)
    exp = save_model(directory / "exp")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as f:
        for name in (find.CONFIG, find.MODEL_FILE):
            f.write(exp / name, name)
        files = dict(model_file=find.MODEL_FILE)
        meta = dict(files=files, yaml_files=dict(train_config=find.CONFIG))
        f.writestr("meta.yaml", yaml.safe_dump(meta))
    state = io.BytesIO()
    torch.save({"a": torch.zeros(3), "b.c": torch.ones(2, 2)}, state)
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), script)
    audio = list(audio_seeds().values())

    def with_config(path: Path) -> None:
        folder = path.with_suffix(".exp")
        shutil.copytree(exp, folder)
        shutil.copy(path, folder / find.CONFIG)
        try:
            load(folder)
        finally:
            shutil.rmtree(folder)

    def with_weights(path: Path) -> None:
        load_model(exp / find.CONFIG, path, "cpu")

    def data_dir(path: Path) -> None:
        folder = path.with_suffix(".dir")
        folder.mkdir()
        try:
            for name in ("wav.scp", "mos", "utt2sys", "utt2spk"):
                shutil.copy(path, folder / name)
            read_data_dir(folder)
        finally:
            shutil.rmtree(folder)

    text = f"utt1 {clip}\nutt2\t{clip}\r\n{clip}\nutt3 x.ark:12\n".encode()
    table = f'path,mos,system,split\n"{clip}",3.5,s,train\n'.encode()
    sheet = b"wav_path,system_id,score\na b.wav,s,3\nc.wav,t,4\n"
    config = (exp / find.CONFIG).read_bytes()
    return [
        Target("audio", ".wav", audio, score_windows, (AudioError,)),
        Target("wav.scp", ".scp", [text], read_scp, (InputError,)),
        Target("table", ".csv", [table], csv_reader.prepare, (DataError,)),
        Target(
            "SHEET table", ".csv", [sheet], lambda p: read_sheet(str(p)), (InputError,)
        ),
        Target("data directory", ".txt", [b"u1 3.0\nu2 s\n"], data_dir, (DataError,)),
        Target("YAML", ".yaml", [config], lambda p: merge_files([p]), (ValueError,)),
        Target("configuration", ".yaml", [config], with_config, (ValueError,)),
        Target(
            "model",
            ".pth",
            [(exp / find.MODEL_FILE).read_bytes()],
            with_weights,
            (ValueError,),
        ),
        Target(
            "archive",
            ".zip",
            [archive.getvalue()],
            load,
            (ValueError, FileNotFoundError),
        ),
        Target(
            "published checkpoint",
            ".pt",
            [state.getvalue(), script.getvalue()],
            weights.read_weights,
            (weights.WeightsError,),
        ),
    ]


def mutate(seed: bytes, others: List[bytes], rng: random.Random) -> bytes:
    """Change a file in one to a few places."""
    data = bytearray(seed)
    # mostly where headers are
    limit = rng.choice([64, 512, max(1, len(data))])

    def place() -> int:
        return rng.randrange(max(1, min(limit, len(data))))

    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        kind = rng.randrange(7)
        at = place()
        length = rng.choice([1, 4, 100])
        if kind == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            data[at : at + length] = b""
        elif kind == 2:
            data[at:at] = rng.choice(TOKENS) * rng.choice([1, 1, 50])
        elif kind == 3:
            token = rng.choice(TOKENS)
            data[at : at + len(token)] = token
        elif kind == 4:
            data[at:at] = data[place() :][: rng.choice([8, 400])]
        elif kind == 5:
            del data[rng.randrange(len(data) + 1) :]
        else:
            other = rng.choice(others)
            data[at:] = other[min(at, len(other)) :]
    return bytes(data)


def worker(target: Target, paths, results, where) -> None:
    """Read what comes, and say how each ended."""
    os.dup2(where.fileno(), 2)
    faulthandler.enable(where)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    for path in iter(paths.get, None):
        faulthandler.dump_traceback_later(SECONDS, exit=True, file=where)
        try:
            target.read(path)
            outcome = "read"
        except target.errors as e:
            text = str(e)
            named = any(name in text for name in (path.name, path.stem))
            outcome = "refused" if named else f"error without the name: {e!r}"
        except BaseException:
            outcome = traceback.format_exc()
        faulthandler.cancel_dump_traceback_later()
        results.put(outcome)


def fuzz(
    target: Target, seconds: float, seed: int, output: Path
) -> collections.Counter:
    """Try a reader for a while; write what fails to a folder."""
    context = multiprocessing.get_context("fork")
    rng = random.Random(f"{seed} {target.name}")
    counts: collections.Counter = collections.Counter()
    process = None
    import time

    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as directory:
        while time.monotonic() < end:
            if process is None:
                # A worker could not end the threads of encoders that are still there.
                gc.collect()
                gc.freeze()
                paths, results = context.Queue(), context.Queue()
                where = open(Path(directory, "stderr"), "w+", errors="replace")
                process = context.Process(
                    target=worker, args=(target, paths, results, where)
                )
                process.start()
            number = sum(counts.values())
            path = Path(directory, f"input{number}{target.suffix}")
            content = mutate(rng.choice(target.seeds), target.seeds, rng)
            path.write_bytes(content)
            paths.put(path)
            while True:
                try:
                    outcome = results.get(timeout=0.5)
                    break
                except Exception:
                    if not process.is_alive():
                        where.seek(0)
                        outcome = f"exit {process.exitcode}\n{where.read()[-5000:]}"
                        process = None
                        break
            path.unlink(missing_ok=True)
            kind = outcome if outcome in ("read", "refused") else "FAILED"
            counts[kind] += 1
            if kind == "FAILED":
                output.mkdir(parents=True, exist_ok=True)
                name = output / f"{target.name.replace(' ', '_')}-{number}"
                name.with_suffix(target.suffix).write_bytes(content)
                name.with_suffix(".log").write_text(outcome, errors="replace")
        if process is not None:
            paths.put(None)
            process.join()
    return counts


def main() -> int:
    """Try all readers; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=240, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("fuzz"))
    parser.add_argument("--only", help="one reader")
    args = parser.parse_args()
    torch.set_num_threads(1)
    total: collections.Counter = collections.Counter()
    with tempfile.TemporaryDirectory() as directory:
        find.CACHE_DIR = Path(directory, "cache")
        (Path(directory) / "exp").mkdir()
        chosen = [
            target
            for target in targets(Path(directory))
            if args.only in (None, target.name)
        ]
        for target in chosen:
            counts = fuzz(target, args.seconds / len(chosen), args.seed, args.output)
            print(f"{target.name:22}{json.dumps(counts)}", flush=True)
            total += counts
    print(f"{sum(total.values())} inputs: {json.dumps(total)}")
    if total["FAILED"]:
        print(f"what failed is in {args.output}")
    return 1 if total["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
