#!/usr/bin/env bash
# Make the model that comes with the package: the broad corpus, the distillation of its
# SSL frontend, its head, its scores and its model card, put into
# espnet_samos/model_zoo/small. Interrupted, the same command goes on where it stopped.
# Further options are passed on to mos.sh, e.g. --num_threads 1.
#
# shellcheck disable=SC1091
set -euo pipefail

share=1 # How much of the broad corpus
if [ "${1:-}" = --share ]; then
    share=$2
    shift 2
fi

. ./path.sh

conf=conf/small
exp=exp/small
tag=inference_valid.lcc.best
name=valid.lcc.best.pth
mkdir -p "${exp}"
printf 'ssl_frontend_conf:\n    init_file: %s\n' "${exp}/distill/valid.loss.best.pth" \
    > "${exp}/init.yaml"
opts=(
    --local_data_opts "--corpus broad --download true --share ${share}"
    --train_set "broad_train broad_neural broad_wide" --valid_set broad_dev
    --test_sets "broad_test broad_unseen" --pretrain false
    --train_config "${conf}/model.yaml ${conf}/train.yaml ${exp}/init.yaml"
    --dump_ssl_feats true
    --expdir "${exp}" --mos_exp "${exp}/mos" --inference_tag "${tag}"
)
# broad_wide differs above 8 kHz, which the SSL frontend cannot hear
distill_set="broad_train broad_neural"
./mos.sh --stage 1 --stop_stage 2 "${opts[@]}" "$@" --train_set "${distill_set}"
local/distill.sh --conf "${conf}" --exp "${exp}/distill"
./mos.sh --stage 2 --stop_stage 6 "${opts[@]}" "$@"

# Not before it was scored: mos.sh was perhaps told to stop earlier.
if [ ! -f "${exp}/mos/RESULTS.md" ]; then
    echo "$0: not scored yet, so the packaged model stays as it is" >&2
    exit 0
fi
package=${exp}/package
rm -rf "${package}"
mkdir -p "${package}"
cp "${exp}/mos/config.yaml" "${package}"
# part of its weights are Distill-MOS's
cp "${VENV}"/lib/python3*/site-packages/distillmos-*.dist-info/LICENSE \
    "${package}/LICENSE.distillmos"
python3 -m espnet_samos.bin.mos_halve "${exp}/mos/${name}" "${package}/${name}"
samos export --model "${package}" "${package}/onnx"
python3 -m espnet_samos.bin.mos_model_card --exp_dir "${exp}/mos" --inference_tag "${tag}" \
    --output_dir "${package}" --name small --about "${conf}/about.md" \
    --description "Speech quality at any sampling rate, small and light" \
    --command "local/small_model.sh --share ${share} $*"
rm -rf "${MAIN_ROOT}/espnet_samos/model_zoo/small"
cp -r "${package}" "${MAIN_ROOT}/espnet_samos/model_zoo/small"
echo "The model: ${MAIN_ROOT}/espnet_samos/model_zoo/small"
