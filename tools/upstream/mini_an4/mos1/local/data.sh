#!/usr/bin/env bash
# Prepare mini_an4 with made-up labels, for the integration test only.
#
# shellcheck disable=SC2034
set -e
set -u
set -o pipefail

# Options of mos.sh, which this corpus has no use for
nj=1
skip_bad_clips=false

. utils/parse_options.sh
. ./path.sh

[ -e downloads ] || tar -xf downloads.tar.gz
mkdir -p data/train data/test
python3 local/data_prep.py downloads/an4 sph2pipe
for dset in train test; do
    dir=data/${dset}
    # Nobody rated these clips: labels go up and down with the line, systems are speakers
    sort -o "${dir}/wav.scp" "${dir}/wav.scp"
    sort -o "${dir}/utt2spk" "${dir}/utt2spk"
    awk '{ print $1, 1.5 + NR % 3 }' "${dir}/wav.scp" > "${dir}/mos"
    cp "${dir}/utt2spk" "${dir}/utt2sys"
    utils/utt2spk_to_spk2utt.pl "${dir}/utt2spk" > "${dir}/spk2utt"
    echo "Made up, for an integration test" > "${dir}/label_note"
done
# subset <utterances, as awk's condition> <set>
subset() {
    mkdir -p "data/$2"
    for f in wav.scp utt2spk mos utt2sys; do
        awk "$1" "data/train/${f}" > "data/$2/${f}"
    done
    utils/utt2spk_to_spk2utt.pl "data/$2/utt2spk" > "data/$2/spk2utt"
    cp data/train/label_note "data/$2"
}
subset "NR <= 2" train_dev
subset "NR > 2" train_nodev
