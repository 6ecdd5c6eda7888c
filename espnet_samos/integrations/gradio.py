"""The page of `samos demo`: the score of a clip, its spectrogram and warnings.

Gradio is imported when a page is made, not before: `examine` does without it.
"""

import html
import os
import signal
import tempfile
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Callable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Union,
)

from espnet_samos.audio.reading import Blocks, read_blocks
from espnet_samos.inference.plots import clip_view
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.inference.result import MosResult, WindowScore
from espnet_samos.inference.spectrogram import Spectrogram, SpectrogramMonitor
from espnet_samos.integrations.page_words import (
    ACCEPTED,
    CSS,
    INTRODUCTION,
    TITLE,
    WARNINGS,
)
from espnet_samos.utils.figures import rate_name

if TYPE_CHECKING:
    import gradio

MAX_UPLOAD = "1gb"  # three hours of 16 bits at 48 kHz
PAGE_CSS = """
#answer code {white-space: nowrap}
/* on a phone one scrolls sideways rather than read what is tiny */
#view .layout {display: block; overflow-x: auto}
#view img {width: 100%; min-width: 560px}
"""


class Examination(NamedTuple):
    """All that the page shows of a clip.

    Attributes:
        result: As `MosPredictor.predict_files` gives it.
        scores: Those of the windows.
        spectrogram: None where the clip could not be scored.
    """

    result: MosResult
    scores: List[WindowScore]
    spectrogram: Optional[Spectrogram]


def examine(
    predictor: MosPredictor,
    path: Union[str, Path],
    batch_size: int = 8,
    num_workers: int = 1,
    on_score: Optional[Callable[[WindowScore], None]] = None,
) -> Examination:
    """Compute score and spectrogram of a file, in memory that does not grow with it.

    Args:
        path: The file. The result has its name without the folders.
        batch_size: Windows in a batch.
        num_workers: Threads that read and resample; 0 does without.
        on_score: Is called with each window's score as it is known.

    Returns:
        What there is to show; a file that cannot be scored has the reason in
        `result.error`.
    """
    name = Path(path).name
    picture: List[SpectrogramMonitor] = []

    def open_file() -> Blocks:
        clip = read_blocks(path, predictor.preprocess.multichannel)
        picture.append(SpectrogramMonitor(clip.fs))
        clip.blocks = picture[0].watched(clip.blocks)
        return clip

    scores: List[WindowScore] = []

    def take(score: WindowScore) -> None:
        scores.append(score)
        if on_score is not None:
            on_score(score)

    (result,) = predictor.predict_clips(
        [(name, open_file)], batch_size, num_workers, on_score=take
    )
    if result.error is not None:
        # the upload's own name, not that of its temporary file
        error = result.error.replace(str(path), name)
        return Examination(MosResult(name, error=error), [], None)
    return Examination(result, scores, picture[0].spectrogram())


def note_html(label_note: str) -> str:
    """Return what the labels are, as HTML; empty where nothing is known of them."""
    if not label_note:
        return ""
    return (
        '<div class="samos-note"><b>What is predicted:</b> this model’s '
        f"{html.escape(label_note)}.</div>"
    )


def result_html(result: MosResult) -> str:
    """Write a result, or the reason why there is none, as HTML."""
    if result.error is not None:
        return (
            '<div class="samos-error" role="alert"><b>No score for this file</b>'
            f"{html.escape(result.error)}</div><p>{ACCEPTED}</p>"
        )
    low, high = result.interval
    facts = {
        "Duration": duration(result.duration),
        "Native rate": rate_name(result.fs),
        "Bandwidth": f"{result.bandwidth / 1000:.1f} kHz",
    }
    further = {
        name: f"{score.mean:.2f} ± {score.std:.2f}"
        for name, score in result.scores.items()
    }
    return "".join(
        [
            f'<div class="samos-score">{result.mean:.2f}</div>'
            f'<div class="samos-interval">95 % interval: {low:.2f} to {high:.2f}</div>',
            _facts_html(further),
            note_html(result.label_note),
            _facts_html(facts),
            *(
                f'<div class="samos-warning">{WARNINGS.get(code, code)} '
                f"({html.escape(reason)}).</div>"
                for code, reason in result.warnings.items()
            ),
        ]
    )


def _facts_html(facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    spans = (f"<span>{key}<b>{value}</b></span>" for key, value in facts.items())
    return f'<div class="samos-facts">{"".join(spans)}</div>'


def duration(seconds: float) -> str:
    """Write a duration as people do: `2.50 s`, `1 min 5 s`, `2 h 0 min 1 s`."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours} h " if hours else "") + f"{minutes} min {seconds} s"


def make_page(
    predictor: MosPredictor, batch_size: int = 8, num_workers: int = 1
) -> "gradio.Blocks":
    """Make the page; batches and workers are those of `examine`."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when it is imported
    import gradio

    nothing = note_html(predictor.label_note), gradio.Plot(visible=False)

    def show(path: Optional[str], progress=gradio.Progress()):  # noqa: B008
        if path is None:
            return nothing
        result, scores, spectrogram = examine(
            predictor,
            path,
            batch_size,
            num_workers,
            lambda score: progress((int(score.end), None), unit="s of it scored"),
        )
        if spectrogram is None:
            return result_html(result), gradio.Plot(visible=False)
        figure = clip_view(
            spectrogram, result.bandwidth, scores, result.name, result.label_note
        )
        return result_html(result), gradio.Plot(figure, visible=True)

    # An upload is deleted after an hour.
    with gradio.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(600, 3600)
    ) as page:
        where = "on the machine that serves this page"
        gradio.Markdown(f"# {TITLE}\n{INTRODUCTION.format(where=where)}")
        clip = gradio.Audio(
            type="filepath",
            sources=["upload", "microphone"],
            label="Speech",
            editable=False,
            buttons=[],  # Gradio's "share" would upload the clip to a hub
            elem_id="clip",
        )
        answer = gradio.HTML(nothing[0], elem_id="answer")
        view = gradio.Plot(
            visible=False,
            label="Spectrogram and score over time",
            show_label=False,
            elem_id="view",
        )
        clip.change(show, clip, [answer, view], api_name="score")
    return page


def reached_by(host: str, share: bool) -> str:
    """Say who can use a page that is served at an address."""
    if share:
        return "whoever knows the address can use it, from anywhere"
    if host in ("localhost", "127.0.0.1", "::1"):
        return "only this machine can reach it"
    return f"every machine that reaches {host} can use it, without a password"


def serve(
    page: "gradio.Blocks",
    host: str = "127.0.0.1",
    port: Optional[int] = None,
    share: bool = False,
) -> None:
    """Serve the page until it is interrupted.

    Args:
        page: What `make_page` gives.
        host: The address to listen at; `0.0.0.0` for all of this machine's.
        port: By default the first free one from 7860 on.
        share: Make it public through Gradio's servers.

    Raises:
        OSError: The port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="samos_demo_") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        try:
            _, url, public_url = page.launch(
                server_name=host,
                server_port=port,
                share=share,
                css=CSS + PAGE_CSS,
                max_file_size=MAX_UPLOAD,
                quiet=True,
                prevent_thread_lock=True,
                footer_links=[],
                run_history=False,  # no copies of what was scored in the browser
                ssr_mode=False,
                mcp_server=False,
            )
        except OSError as e:
            raise OSError(
                f"no free port to serve at {host}, tried {port or '7860 to 7959'}: "
                "give another --port"
            ) from e
        # ended in either way, the uploads are deleted
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        print(f"samos: serving at {public_url or url} (Ctrl-C ends it)")
        print(
            f"samos: {reached_by(host, share)}, up to {MAX_UPLOAD} a file", flush=True
        )
        page.block_thread()
