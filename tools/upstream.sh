#!/usr/bin/env bash
# Put the task mos into an ESPnet tree, as ESPnet keeps its own: egs2/TEMPLATE/mos1 with
# setup.sh, recipes named by corpus, entries in db.sh, egs2/README.md and the integration
# tests, a unit test. Safe to repeat. Then tools/check_upstream.sh checks the tree.
#
# Usage: tools/upstream.sh <espnet-tree>   (a checkout or an unpacked source distribution)
# Environment:
#   VENV  the virtual environment (default: .venv)
set -euo pipefail

die() { echo "upstream: error: $*" >&2; exit 1; }

[ $# -eq 1 ] || die "one argument: an ESPnet tree"
tree=$(realpath "$1")
cd "$(dirname "$0")/.."
VENV=$(realpath "${VENV:-.venv}")
source=tools/upstream
egs2=${tree}/egs2
workflow=.github/workflows/ci_on_ubuntu.yml
tests=ci/test_integration_espnet2.sh
for path in egs2/TEMPLATE/asr1/utils egs2/README.md egs2/mini_an4/asr1 "${tests}"; do
    [ -e "${tree}/${path}" ] || die "${tree} has no ${path}: take a checkout of ESPnet"
done

# insert <file> <pattern of the line it goes before> <text>: unless it is there
insert() {
    local file=${tree}/$1 text=$3
    grep -qF -- "${text%%$'\n'*}" "${file}" && return
    grep -q -- "$2" "${file}" || die "${file} has no line '$2'"
    awk -v pattern="$2" -v text="${text//\\/\\\\}" \
        '!done && $0 ~ pattern { print text; done = 1 } { print }' "${file}" > "${file}.new"
    cat "${file}.new" > "${file}" # which keeps its mode
    rm "${file}.new"
}

template=${egs2}/TEMPLATE/mos1
mkdir -p "${template}/local"
cp "${source}"/TEMPLATE/mos1/* egs2/samos/mos1/mos.sh "${template}"
cp local/check_args.sh local/data.sh "${template}/local"
for f in cmd.sh conf path.sh db.sh; do
    ln -sfn "../asr1/${f}" "${template}/${f}"
done

# merge <recipe> <yaml> <parts of conf/paper>...
merge() {
    local output=${egs2}/$1/mos1/conf/$2
    shift 2
    PYTHONPATH=${PWD} "${VENV}/bin/python" -m espnet_samos.bin.merge_config \
        --output "${output}" -- "${@/#/conf/paper/}"
}
for corpus in nisqa audiomos25 mini_an4; do
    recipe=${egs2}/${corpus}/mos1
    "${template}/setup.sh" "${recipe}"
    cp -r --remove-destination "${source}/${corpus}/mos1/." "${recipe}"
    mkdir -p "${recipe}/conf/tuning"
    cp conf/tuning/ssl_layer_mos.yaml "${recipe}/conf/tuning"
done
ln -sfn ../asr1/downloads.tar.gz "${egs2}/mini_an4/mos1/downloads.tar.gz"
ln -sfn ../../asr1/local/data_prep.py "${egs2}/mini_an4/mos1/local/data_prep.py"
merge nisqa train.yaml model.yaml train.yaml scratch.yaml
merge audiomos25 train.yaml model.yaml train.yaml finetune.yaml
merge audiomos25 tuning/pretrain.yaml model.yaml train.yaml pretrain.yaml
for corpus in nisqa audiomos25; do
    cp conf/paper/inference.yaml "${egs2}/${corpus}/mos1/conf/decode.yaml"
done

for name in NISQA AUDIOMOS; do
    insert egs2/TEMPLATE/asr1/db.sh "^NSC=" "$(grep "^${name}=" egs2/samos/mos1/db.sh)"
done
insert egs2/README.md "^[|] babel " \
    "| audiomos25 | AudioMOS Challenge 2025, track 3: speech at 16, 24 and 48 kHz | MOS | ENG | https://sites.google.com/view/voicemos-challenge/audiomos-challenge-2025 | |"
insert egs2/README.md "^[|] nsc " \
    "| nisqa | NISQA Corpus: speech quality in telephone and VoIP conditions | MOS | ENG, DEU | https://zenodo.org/records/4728081 | |"
sed -i '/^| mini_an4 /s|/AQA |/AQA/MOS |' "${egs2}/README.md"
# shellcheck disable=SC2016 # it is the tests' shell that expands this
insert "${tests}" '^echo "::group::=== report ==="' 'if [ "${task}" == "mos" ] || [ "${task}" == "all" ]; then
    # [ESPnet2] test mos1 recipe with made-up labels
    python3 -m pip install "espnet_samos[espnet]"
    cd ./egs2/mini_an4/mos1
    gen_dummy_coverage
    echo "==== [ESPnet2] MOS ==="
    ./run.sh --ngpu 0 --stage 1 --stop_stage 6 --python "${python}"
    rm -rf exp dump data downloads
    cd "${cwd}"
fi
'
if [ -f "${tree}/${workflow}" ]; then
    sed -i 's/^\( *tasks=asr,.*,aqa\)$/\1,mos/' "${tree}/${workflow}"
fi
mkdir -p "${tree}/test/espnet2/mos"
cp "${source}/test/test_mos_recipe.py" "${tree}/test/espnet2/mos"
echo "upstream: ${template} and $(cd "${egs2}" && echo {nisqa,audiomos25,mini_an4}/mos1)"
