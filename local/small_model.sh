#!/usr/bin/env bash
# Make the model that comes with the package: the large mini corpus, SA-SSL-MOS in two
# steps, its scores and its model card, put into espnet_samos/model_zoo/small.
# Resumes where it stopped. Options are passed on to run.sh, e.g. --num_threads 1.
set -euo pipefail

# shellcheck source=/dev/null
. ./path.sh

conf=conf/mini
configs="${conf}/model.yaml ${conf}/train.yaml"
exp=exp/mini_large/mos_sa_ssl_mos
tag=inference_valid.lcc.best
models=${MAIN_ROOT}/espnet_samos/model_zoo/small

./run.sh --corpus mini --stage 1 --stop_stage 6 \
    --local_data_opts "--corpus mini --size large --corpus_dir downloads/mini_large" \
    --pretrain_set mini_large_pretrain --pretrain_valid_set mini_large_pretrain_dev \
    --train_set mini_large_train --valid_set mini_large_dev \
    --test_sets "mini_large_test mini_large_unseen" \
    --pretrain_config "${configs} ${conf}/pretrain.yaml ${conf}/large_pretrain.yaml" \
    --train_config "${configs} ${conf}/finetune.yaml ${conf}/large_finetune.yaml" \
    --expdir exp/mini_large --mos_exp "${exp}" --inference_tag "${tag}" "$@"

# Not before it was scored: run.sh was perhaps told to stop earlier.
if [ ! -f "${exp}/RESULTS.md" ]; then
    echo "$0: not scored yet, so ${models} stays as it is" >&2
    exit 0
fi
mkdir -p "${models}"
cp -L "${exp}/valid.lcc.best.pth" "${exp}/config.yaml" "${models}"
python3 -m espnet_samos.bin.mos_model_card --exp_dir "${exp}" --inference_tag "${tag}" \
    --output_dir "${models}" --name small --about "${conf}/small_model.md" \
    --description "SA-SSL-MOS, small, trained on synthetic speech with computed labels" \
    --command "local/small_model.sh $*"
echo "The model: ${models}"
