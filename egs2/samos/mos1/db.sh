# Where your corpora are: local/data.sh reads these. docs/corpora.md says what is
# expected there, and where to get it.
#
# shellcheck shell=bash disable=SC2034

# The mini corpus is made here, not downloaded.
MINI=downloads/mini

# So is the broad corpus, but for some recordings.
BROAD=downloads/broad

NISQA=downloads/nisqa
AUDIOMOS=downloads/audiomos
TCD_VOIP=downloads/tcd_voip
TENCENT=downloads/tencent
URGENT2024_MOS=downloads/urgent2024_mos
URGENT2025_SQA=downloads/urgent2025_sqa
URGENT2026_SQA=downloads/urgent2026_sqa
CHIME7_UDASE=downloads/chime7_udase
BVCC=downloads/bvcc
SOMOS=downloads/somos
TTSDS2=downloads/ttsds2
TMHINT_QI=downloads/tmhint_qi
PSTN=downloads/pstn
P835_REFERENCE=downloads/p835_reference
NEURAL_CODEC_MUSHRA=downloads/neural_codec_mushra
