#!/usr/bin/env bash
# Prepare both corpora: NISQA for pre-training, AudioMOS, which is not downloaded.
set -e
set -u
set -o pipefail

../../TEMPLATE/mos1/local/data.sh --corpus nisqa --download true "$@"
../../TEMPLATE/mos1/local/data.sh --corpus audiomos "$@"
