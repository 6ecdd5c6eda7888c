#!/usr/bin/env bash
# Prepare a corpus: data/<set> for each of its sets.
#
# Options are read and written through their names:
# shellcheck disable=SC2034
# utils, path.sh and db.sh are where the recipe runs:
# shellcheck disable=SC1091
set -euo pipefail

log() {
    local fname=${BASH_SOURCE[1]##*/}
    echo -e "$(date '+%Y-%m-%dT%H:%M:%S') (${fname}:${BASH_LINENO[0]}:${FUNCNAME[1]}) $*"
}
SECONDS=0

# Options, which parse_options.sh sets; the empty ones are not passed on.
corpus=mini          # Name of the corpus: python3 -m espnet_samos.bin.mos_prepare --help
corpus_dir=          # Folder of the corpus; without it, that of db.sh.
nj=2                 # Number of processes, where the corpus is made.
download=false       # Fetch the corpus where its folder is not there, if that is allowed.
skip_bad_clips=false # Leave out (and list) what cannot be used, instead of stopping.
table=               # csv: table of clips; tcd_voip: table of labels.
set_prefix=          # csv: first part of the sets' names.
labels=              # audiomos: mixed or separate, docs/corpora.md.
audio_dir=           # urgent*: where their audio is written out.
size=                # mini: small or tiny.
share=               # broad: how much of it, up to 1.
band_limited=        # mini: true adds a set of clips with limited bandwidth.

log "$0 $*"
. local/check_args.sh
. utils/parse_options.sh

if [ $# -ne 0 ]; then
    log "Error: No positional arguments are required, got: $*"
    exit 2
fi

. ./path.sh
. ./db.sh

# MINI in db.sh for the corpus mini, and so on
if [ -z "${corpus_dir}" ]; then
    db_name=${corpus^^}
    corpus_dir=${!db_name:-}
fi

# Runs at once in this directory prepare a corpus one after the other.
mkdir -p data
exec 9> "data/.lock_${corpus}"
flock 9

# What is prepared goes to data/ only when all of it is fine.
prepared=data/.prepared_${corpus}
rm -rf "${prepared}"
opts=(--corpus "${corpus}" --output_dir "${prepared}")
for name in corpus_dir download nj skip_bad_clips table set_prefix labels audio_dir size \
    share band_limited; do
    if [ -n "${!name}" ]; then
        opts+=("--${name}" "${!name}")
    fi
done
python3 -m espnet_samos.bin.mos_prepare "${opts[@]}"

for dir in "${prepared}"/*/; do
    utils/validate_data_dir.sh --no-text --no-feats --non-print "${dir%/}"
done
for dir in "${prepared}"/*/; do
    dset=$(basename "${dir}")
    # What has not changed stays as it is, or later stages would run again for it.
    if ! diff -rq "${dir}" "data/${dset}" &> /dev/null; then
        rm -rf "data/${dset}"
        mv "${dir}" data/
    fi
done
rm -rf "${prepared}"

log "Successfully finished. [elapsed=${SECONDS}s]"
