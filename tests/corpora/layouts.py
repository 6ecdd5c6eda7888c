"""Small folders laid out as the corpora were published, column for column."""

import importlib
import io
import json
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import openpyxl
import pyarrow
import pyarrow.parquet
import soundfile

from espnet_samos.corpora import CORPORA

NISQA_HEADER = (
    "db,con,file,con_description,filename_deg,filename_ref,source,lang,votes,mos,noi,"
    "col,dis,loud,noi_std,col_std,dis_std,loud_std,mos_std,filepath_deg,filepath_ref"
)
TCD_DEGRADATIONS = ("CHOP", "CLIP", "COMPSPKR", "ECHO", "NOISE")
TMHINT_HEADER = (
    "idx,method,uttr,snr,noise,quality_score,intelligibility_score,file_name"
)


def write_audio(path: Path, fs: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(fs // 5, 0.1), fs)


def write_lines(path: Path, *lines: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding=encoding)


def make_nisqa(folder: Path) -> None:
    for part in ("TRAIN_SIM", "TRAIN_LIVE", "VAL_SIM", "VAL_LIVE") + (
        *("TEST_FOR", "TEST_LIVETALK", "TEST_P501"),
    ):
        db = f"NISQA_{part}"
        lines = [NISQA_HEADER]
        for con in (1, 2):
            for file in (1, 2):
                # the same names in all parts
                name = f"c{con:05d}_f{file}.wav"
                write_audio(folder / db / "deg" / name, 48000)
                write_audio(folder / db / "ref" / name, 48000)
                lang = "en" if part.endswith(("SIM", "LIVE")) else "de"
                lines.append(
                    f'{db},{con},{file},"codec, {con}",{name},{name},AusTalk,{lang},5,'
                    f"{con + file / 4},3,3,3,3,.5,.5,.5,.5,0.{con}{file},"
                    f"{db}/deg/{name},{db}/ref/{name}"
                )
        write_lines(folder / db / f"{db}_file.csv", *lines)


# systems at each rate: sys1 is another one at each
AUDIOMOS_SYSTEMS = {"16k": 2, "24k": 3, "48k": 1}


def audiomos_utts(first: int):
    """Names of five clips for each system, counted from `first`."""
    return {
        f"audiomos-track3-{rate}_sys{system}": [
            f"audiomos-track3-{rate}_sys{system}_utt{utt:02d}"
            for utt in range(first, first + 5)
        ]
        for rate, count in AUDIOMOS_SYSTEMS.items()
        for system in range(1, count + 1)
    }


def audiomos_rate(utt: str) -> int:
    return 1000 * int(utt.split("-")[2].split("k_")[0])


def audiomos_ratings(utt: str, wide: bool):
    """Ratings of three listeners; beside wider bands, 16 kHz loses a point."""
    number = int(utt[-2:])
    lost = int(wide and "16k" in utt)
    return [2 + (number + listener) % 3 - lost for listener in range(3)]


def make_audiomos_challenge(folder: Path) -> None:
    train, test = audiomos_utts(1), audiomos_utts(11)
    for utts in (*train.values(), *test.values()):
        for utt in utts:
            write_audio(folder / f"DATA/wav/{utt}.wav", audiomos_rate(utt))

    def rows(systems, wide):
        return [
            f"{utt}.wav,{listener},{rating}"
            for utts in systems.values()
            for utt in utts
            for listener, rating in enumerate(audiomos_ratings(utt, wide))
        ]

    for rate in AUDIOMOS_SYSTEMS:
        systems = {name: utts for name, utts in train.items() if f"-{rate}_" in name}
        write_lines(
            folder / f"train/utt_{rate}.csv",
            *("uttID,lisID,rating", *rows(systems, wide=False)),
        )
    for name, systems in (("val", train), ("test", test)):
        write_lines(
            folder / f"{name}/utt_mix_{name}.csv",
            *("uttID,lisID,rating", *rows(systems, wide=True)),
        )
        means = [
            f"{system},{fmean(fmean(audiomos_ratings(utt, True)) for utt in utts)}"
            for system, utts in systems.items()
        ]
        write_lines(folder / f"{name}/sys_mix_{name}.csv", "sysID,MOS", *means)


def make_audiomos_published(folder: Path) -> None:
    for part, first, tables in (
        ("train", 1, {"train": slice(0, 4), "val": slice(4, 5)}),
        ("eval", 11, {"eval": slice(0, 5)}),
    ):
        data = folder / f"audiomos2025_{part}/DATA"
        for table, chosen in tables.items():
            lines = ["sysID,uttID,rating"]
            for system, utts in audiomos_utts(first).items():
                for utt in utts[chosen]:
                    write_audio(data / f"wav/{utt}.wav", audiomos_rate(utt))
                    lines.append(f"{system},{utt},{fmean(audiomos_ratings(utt, True))}")
            write_lines(data / f"{table}.csv", *lines)


def write_sheets(path: Path, **sheets) -> None:
    """Write a spreadsheet: rows by the name of their sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def tcd_voip_names(folder: Path):
    """Write the clips and give their names: conditions count from 1 in each kind."""
    for degradation in TCD_DEGRADATIONS:
        for condition in (1, 2):
            for speaker in ("FA", "FG", "MK", "ML"):
                name = f"{condition:02d}_{degradation}_{speaker}.wav"
                clips = folder / "Test Set" / degradation.lower()
                write_audio(clips / f"C_{name}", 48000)
                write_audio(clips / "ref" / f"R_{name}", 48000)
                yield f"C_{name}", condition


def make_tcd_voip(folder: Path) -> None:
    lines = [f"{name},{1 + n}.25" for name, n in tcd_voip_names(folder)]
    write_lines(folder / "metadata.csv", "Filename,sample MOS", *lines)


def make_tcd_voip_circulating(folder: Path) -> None:
    lines = [f"{name},{n},{1 + n}.25" for name, n in tcd_voip_names(folder)]
    write_lines(
        folder / "tcd-voip.csv",
        *("Filename,ConditionID,MOS", *lines),
        encoding="utf-8-sig",
    )


TCD_SPREADSHEET = "TCD VOIP - Test Set Conditions and MOS Results.xlsx"
TCD_CONDITIONS = (
    "Filename,Source1,Source2,Echo Alpha,Echo Delay,Feedback Factor,Competing Speaker "
    "Genders,Competing Speaker SNR,Clip Gain,Noise Type,Noise Gain,Chop Period,Chop "
    "Rate,Chop Mode,MNRU Q,Qgroup,ConditionID"
)


def tcd_ratings(condition: int):
    """Ratings of 24 listeners."""
    return [condition + i % 3 for i in range(24)]


def make_tcd_voip_distribution(folder: Path) -> None:
    """As its makers give it out: with references, and four clips without ratings."""
    conditions = [TCD_CONDITIONS.split(",")]
    scores = [
        ["Filename", "ConditionID", "sample MOS", "listener  # ->", *range(1, 25)]
    ]
    for name, n in tcd_voip_names(folder):
        conditions.append([name, "FA\\FA03_08.wav", *[None] * 14, n])
        if not name.startswith("C_02_ECHO"):
            ratings = tcd_ratings(n)
            scores.append([name, n, fmean(ratings), None, *ratings])
    sheets = {
        "Test Conditions": conditions,
        "Legend": [["Chop Mode", "0: silence"]],
        "Subjective Test Scores": scores,
    }
    write_sheets(folder / TCD_SPREADSHEET, **sheets)
    write_lines(folder / "README.txt", "TCD-VoIP")


QXLAB_HEADER = (
    "Item,Ref_Wave,Test_Wave,Mushra_Scores,Utterance,Folder,Condition,Codec,Rate_kbps,"
    "sampleMOS,conditionMOS,conditionCI,DataBase,sampleSTD,sampleCI,Degradation,"
    "sumVotes,CodecCombination,Q_Value_dB,EXP,NoiseType,ErrorType,ErrorRate%"
)


def make_tcd_voip_qxlab(folder: Path) -> None:
    """As QxLab gives it out, with samples of the table that are not to be read."""
    lines = [QXLAB_HEADER]
    for degradation in TCD_DEGRADATIONS:
        for condition in (1, 2):
            for speaker in ("FA", "FG", "MK", "ML"):
                name = f"{condition:02d}_{degradation}_{speaker}.wav"
                part = f"TCDvoip/Test_Set/{degradation}"
                write_audio(folder / part / f"C_{name}", 48000)
                write_audio(folder / part / "ref" / f"R_{name}", 48000)
                ratings = tcd_ratings(condition)
                # MNRU conditions are counted by themselves
                kind = "MNRU" if condition == 2 else degradation
                lines.append(
                    f",{part}/ref/R_{name},{part}/C_{name},,,,1,,,"
                    f"{fmean(ratings):.9f},{1 + condition},0.1,TCDvoip,"
                    f"{stdev(ratings):.9f},0.2,{kind},{sum(ratings)}.0,,,,,,"
                )
    write_lines(folder / "tcdvoip.csv", *lines)
    write_lines(folder / "quickstart_tcdvoip.csv", f",{lines[0]}", f"0,{lines[1]}")


def make_tencent(folder: Path) -> None:
    for part, named, digits in (
        ("without", "withoutReverberationTrainDev", 5),
        # The table names another folder than that of the clips.
        ("with", "withReverberationTrainDevMOS", 4),
    ):
        lines = ["deg_wav,mos"]
        for i, fs in enumerate((16000, 24000, 16000)):
            name = f"{i:0{digits}d}.wav"
            write_audio(folder / f"{part}ReverberationTrainDev" / name, fs)
            lines.append(f"./{named}/{name},{1.5 + i}")
        write_lines(folder / f"{part}ReverberationTrainDevMOS.csv", *lines)


def urgent_rows():
    rows = []
    for team in ("P426", "P7"):
        for i, fs in enumerate((8000, 22050, 48000)):
            audio = io.BytesIO()
            soundfile.write(audio, np.full(fs // 5, 0.1), fs, format="FLAC")
            name = f"{team}-fileid_{i}"
            rows.append(
                {
                    "id": name,
                    "audio": {"bytes": audio.getvalue(), "path": f"{name}.flac"},
                    "sampling_rate": fs,
                    "mos": 2.0 + i,
                    "raw_ratings": [1 + i, 2 + i, 3 + i],
                }
            )
    return rows


def make_urgent2024_mos(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    rows = urgent_rows()
    for i in range(2):
        pyarrow.parquet.write_table(
            pyarrow.Table.from_pylist(rows[i::2]),
            folder / f"data/test-{i:05d}-of-00002.parquet",
        )


def write_parquet(path: Path, rows, fs: int = 16000) -> None:
    """Write rows as the hub has them, those that have no audio with some."""
    audio = io.BytesIO()
    soundfile.write(audio, np.full(fs // 5, 0.1), fs, format="FLAC")
    bare = {"audio": {"bytes": audio.getvalue(), "path": "clip.flac"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist([bare | row for row in rows]), path
    )


def urgent2025_rows():
    return [
        {
            "sample_id": f"blind_test_fileid_{sample}",
            "system_id": f"blind_test_{system}",
            "mos": sample + system / 4,
            "dnsmos_ovrl": 2.5,
        }
        for system in (3, 11)
        for sample in (1, 2)
    ]


def make_urgent2025_sqa(folder: Path) -> None:
    """With a split that has scores of metrics only."""
    rows = urgent2025_rows()
    write_parquet(folder / "data/blind_test_mos/0.parquet", rows[:3], 16000)
    write_parquet(folder / "data/blind_test_mos/1.parquet", rows[3:], 48000)
    unrated = [row | {"mos": None} for row in rows]
    write_parquet(folder / "data/validation/0.parquet", unrated)


def urgent2026_rows():
    rows = []
    for utterance, language, ratings in (
        *((489, "jpn", [4, 5, 3]), (7, "deu", [1, 2, 2])),
    ):
        for system in (1, 2):
            name = f"fileid_{utterance}"
            rows.append(
                {
                    "sample_id": f"acr_{name}_{system}",
                    "utterance_id": name,
                    "system_id": f"system{system}",
                    "speaker_id": f"{language}-{utterance}",
                    "language": language,
                    "text": "...",
                    "duration": 0.2,
                    "mos": round(fmean(ratings), 3),
                    "listener_scores": ratings,
                    "is_simulated": utterance == 7,
                    "sample_rate": 16000,
                }
            )
    return rows


def make_urgent2026_sqa(folder: Path) -> None:
    """With pairs, which are not to be read."""
    rows = urgent2026_rows()
    for i in range(2):
        table = folder / f"data/acr/test-{i:05d}-of-00002.parquet"
        write_parquet(table, rows[i::2], (16000, 44100)[i])
    write_parquet(
        folder / "data/ccr/test-00000-of-00001.parquet", [{"sample_id": "ccr_1"}]
    )


def chime7_ratings(condition: int, scale: str):
    """Ratings of eight listeners."""
    return [1 + (condition + i + len(scale)) % 5 for i in range(8)]


def make_chime7_udase(folder: Path) -> None:
    """With a clip that listeners were trained with, whose audio is not there."""
    lines = ["subset,condition,sample,scale,MOS,rating_list"]
    for condition in range(5):
        for sample in ("S01_P04_12_output.wav", "S21_P46_4_output.wav"):
            write_audio(folder / f"listening_test/data/C{condition}/{sample}", 16000)
            for scale in ("SIG", "BAK", "OVRL"):
                ratings = chime7_ratings(condition, scale)
                lines.append(
                    f'1,C{condition},{sample},{scale},{fmean(ratings)},"{ratings}"'
                )
    lines.append('1,ref,i01_f1.wav,SIG,4.5,"[4, 5]"')
    write_lines(folder / "listening_test/MOS_results_listening_test.csv", *lines)


def make_ttsds2(folder: Path) -> None:
    """With ratings that compare clips."""
    lines = ["audio,dataset,system,rating_type,value,annotator,survey_part,page,id"]
    for domain in ("libritts", "wild"):
        for system, first in (("ground_truth", 3), ("f5", 2)):
            audio = f"{domain}/{system}/0001.wav"
            write_audio(folder / audio, 22050)
            for annotator in range(3):
                line = f"{audio},{domain},{system}"
                lines += [
                    f"{line},mos,{first + annotator % 2},a{annotator},1,2,{len(lines)}",
                    f"{line},cmos,-2,a{annotator},2,3,{len(lines)}",
                ]
    write_lines(folder / "subjective_results.csv", *lines)


def make_bvcc(folder: Path) -> None:
    data = folder / "DATA"
    for part, ratings_table, first in (
        *(("train", "TRAINSET", 0), ("val", "DEVSET", 4), ("test", "TESTSET", 8)),
    ):
        labels, ratings = [], []
        for i in range(first, first + 4):
            system = f"sys{i % 2:05x}"
            name = f"{system}-utt{i:07x}.wav"
            write_audio(data / "wav" / name, 16000)
            values = [1 + i % 4, 2 + i % 4]
            labels.append(f"{name},{fmean(values)}")
            ratings += [
                f"{system},{name},{value},u{n}_1,{{}}_30-39_{n}_Female_Valid_1_No"
                for n, value in enumerate(values)
            ]
        write_lines(data / f"sets/{part}_mos_list.txt", *labels)
        write_lines(data / f"sets/{ratings_table}", *ratings)


def make_somos(folder: Path) -> None:
    for part, first in (("TRAIN", 0), ("VALID", 4), ("TEST", 8)):
        lines = ["systemId,utteranceId,choice,listenerId"]
        for i in range(first, first + 4):
            system = f"{i % 2:03d}"
            name = f"novel_2007_{i:04d}_{system}.wav"
            write_audio(folder / "audios" / name, 24000)
            lines += [f"{system},{name},{c},L{c}" for c in (1 + i % 3, 2 + i % 3)]
        write_lines(folder / f"training_files/split1/clean/{part}SET", *lines)


def make_tmhint_qi(folder: Path) -> None:
    lines = [TMHINT_HEADER]
    for part, count in (("train", 20), ("test", 4)):
        for i in range(count):
            method, snr = ("FCN", "noisy")[i % 2], (-2, 5)[i // 2 % 2]
            name = f"{part}_{method}_TMHINT_{i:02d}_babble_{snr}"
            write_audio(folder / part / f"{name}.wav", 16000)
            for subject, score in enumerate((1 + i % 3, 3 + i % 3)):
                lines.append(f"{subject},{method},{i},{snr},babble,{score},9,{name}")
    # published with lines that have no rating
    lines.append(f"7,{method},{i},{snr},babble,,9,{name}")
    write_lines(folder / "raw_data.csv", *lines)


def make_pstn(folder: Path) -> None:
    lines = ["filename,MOS,std,95%CI,votes"]
    for i in range(4):
        write_audio(folder / f"pstn_train/{i:05d}_call.wav", 8000)
        lines.append(f"{i:05d}_call.wav,{1.5 + i / 2},0.7{i},0.4,{5 + i}")
    write_lines(folder / "pstn_train/pstn_train.csv", *lines)


P835_HEADER = (
    "file_url,short_file_name,condition_num,n votes,MOS_BAK,std_bak,95%CI_bak,MOS_SIG,"
    "std_sig,95%CI_sig,MOS_OVRL,std_ovrl,95%CI_ovrl"
)


def make_p835_reference(folder: Path) -> None:
    """Two tests, with the clean clips in both."""
    sheets = {"description": [["P.835"]], "testplan": [["condition", "SNR", "MNRU"]]}
    for part, sheet, fs in (
        ("degraded_fullband_48KHz", "Fullband-results per file", 48000),
        ("degraded_WB_16KHz", "16KHzWB-results per file", 16000),
    ):
        sheets[sheet] = [P835_HEADER.split(",")]
        for condition in ("c0", "c1", "c12"):
            for talker in ("f1", "m3"):
                name = f"{condition}_{talker}.wav"
                write_audio(folder / part / name, 48000 if condition == "c0" else fs)
                number = int(condition[1:])
                mos = (5 if fs == 48000 else 4.5) - number / 4
                sheets[sheet].append(
                    [f"https://x/{part}/{name}", name, number, 5 + number]
                    + [1.5 + number / 8, 0.25, 0.2, 2.5, 0.75, 0.6, mos, 0.5, 0.4]
                )
    write_sheets(folder / "CSP835_Ref_Conditions.xlsx", **sheets)


def make_neural_codec_mushra(folder: Path) -> None:
    """With an anchor that has no audio, and a codec that was not rated."""
    lines = ["signal,condition,ratings,participant_ids,file"]
    for stimulus, signal in (("stim_01", "VCTK_p229_293"), ("stim_15", "TSP_MC15_08")):
        for name, condition, ratings in (
            ("ref", "Reference", [100.0, 98.0, 90.0]),
            ("lyra_6", "Lyra 6", [0.0, 40.0, 62.0]),
            ("prop_13_16k", "Proposed 1.38 16kHz", [27.0, 17.0, 100.0]),
            ("encodec_6", None, None),
            (None, "Anchor", [23.0, 0.0, 9.0]),
        ):
            file = f"{stimulus}/{name}.wav" if name else ""
            if name:
                path = folder / "audio" / file
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, np.full((4800, 2), 0.1), 24000)
            if condition:
                lists = f'"{json.dumps(ratings)}","[2, 3, 21]"'
                lines.append(f"{signal},{condition},{lists},{file}")
    write_lines(folder / "ratings_formated_filtered.csv", *lines)
    write_lines(folder / "LICENSE.md", "CC BY 4.0")


def make_csv(folder: Path) -> None:
    lines = ["path,mos,system,speaker,split,std,votes,lang"]
    for i in range(4):
        write_audio(folder / f"wav/{i}.wav", 16000)
        lines.append(f"wav/{i}.wav,{1 + i},s{i % 2},,,0.5,3,en")
    write_lines(folder / "my.csv", *lines)


# Each layout: the corpus and what makes its folder.
LAYOUTS = {
    "nisqa": ("nisqa", make_nisqa),
    "audiomos_challenge": ("audiomos", make_audiomos_challenge),
    "audiomos_published": ("audiomos", make_audiomos_published),
    "tcd_voip": ("tcd_voip", make_tcd_voip),
    "tcd_voip_circulating": ("tcd_voip", make_tcd_voip_circulating),
    "tcd_voip_distribution": ("tcd_voip", make_tcd_voip_distribution),
    "tcd_voip_qxlab": ("tcd_voip", make_tcd_voip_qxlab),
    "tencent": ("tencent", make_tencent),
    "urgent2024_mos": ("urgent2024_mos", make_urgent2024_mos),
    "urgent2025_sqa": ("urgent2025_sqa", make_urgent2025_sqa),
    "urgent2026_sqa": ("urgent2026_sqa", make_urgent2026_sqa),
    "chime7_udase": ("chime7_udase", make_chime7_udase),
    "bvcc": ("bvcc", make_bvcc),
    "somos": ("somos", make_somos),
    "ttsds2": ("ttsds2", make_ttsds2),
    "tmhint_qi": ("tmhint_qi", make_tmhint_qi),
    "pstn": ("pstn", make_pstn),
    "p835_reference": ("p835_reference", make_p835_reference),
    "neural_codec_mushra": ("neural_codec_mushra", make_neural_codec_mushra),
    "csv": ("csv", make_csv),
}


def read_layout(layout: str, folder: Path, **options):
    """Read a folder that a layout's function made."""
    corpus = LAYOUTS[layout][0]
    where = {"table": folder / "my.csv"} if corpus == "csv" else {"corpus_dir": folder}
    return importlib.import_module(CORPORA[corpus]).prepare(**where, **options)


def make_and_read(layout: str, folder: Path, **options):
    """Make a layout's folder and read it; gives the clips of each set by id."""
    LAYOUTS[layout][1](folder)
    return {
        name: {clip.utt_id: clip for clip in clips}
        for name, clips in read_layout(layout, folder, **options).items()
    }
