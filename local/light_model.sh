#!/usr/bin/env bash
# Train a light model: the broad corpus, the distillation of its SSL frontend, its head.
# Interrupted, the same command goes on where it stopped. Further options are passed on
# to mos.sh, e.g. --num_threads 1.
#
# shellcheck disable=SC1091
set -euo pipefail

share=1 # How much of the broad corpus
if [ "${1:-}" = --share ]; then
    share=$2
    shift 2
fi

. ./path.sh

conf=conf/light
exp=exp/light
mkdir -p "${exp}"
printf 'ssl_frontend_conf:\n    init_file: %s\n' "${exp}/distill/valid.loss.best.pth" \
    > "${exp}/init.yaml"
opts=(
    --local_data_opts "--corpus broad --download true --share ${share}"
    --train_set broad_train --valid_set broad_dev
    --test_sets "broad_test broad_unseen" --pretrain false
    --train_config "${conf}/model.yaml ${conf}/train.yaml ${exp}/init.yaml"
    --partial_scores "low band upper" --dump_ssl_feats true
    --expdir "${exp}" --mos_exp "${exp}/mos"
)
./mos.sh --stage 1 --stop_stage 2 "${opts[@]}" "$@"
local/distill.sh --conf "${conf}" --exp "${exp}/distill"
./mos.sh --stage 3 --stop_stage 6 "${opts[@]}" "$@"
