"""Words and looks that the pages of `samos demo` share."""

TITLE = "Speech quality, predicted"
INTRODUCTION = (
    "Drop a file, or record yourself: a model predicts the quality of the speech, "
    "from 1 (bad) to 5 (excellent), {where}."
)
# What a warning means to the person who reads it, by its code
WARNINGS = {
    "short": "A short clip: its score is less certain",
    "silence": "Mostly silence",
    "clipping": "Clipped: it was recorded or amplified too loud",
    "compressed": "Hardly any difference between loud and soft",
    "level": "Beyond full scale",
    "offset": "It has a DC offset, which moves the score and cannot be heard",
    "channels": "Several channels, mixed down",
    "truncated": "The file breaks off",
    "damaged": "The file is damaged",
    "bandwidth": "The upper part of the spectrum is empty",
    "skipped": "Silent parts are not scored",
}
ACCEPTED = (
    "What can be scored: audio files of any kind (wav, flac, ogg, mp3, m4a, ...), at "
    "least 0.1 s long, at a rate of 8 to 384 kHz."
)
CSS = """
.samos-score {font-size: 4rem; font-weight: 700; line-height: 1.1}
.samos-interval {font-size: 1.4rem}
.samos-facts {display: flex; flex-wrap: wrap; gap: .4em 2em; margin: .8em 0}
.samos-facts b {display: block; font-size: 1.2rem}
.samos-note, .samos-warning, .samos-error {padding: .5em .8em; margin: .6em 0}
.samos-note {border-left: 4px solid #0072B2; font-size: 1.1rem}
.samos-warning {border-left: 4px solid #E69F00}
.samos-error {border-left: 4px solid #D55E00}
.samos-error b {display: block; font-size: 1.4rem}
"""
