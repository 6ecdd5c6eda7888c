#!/usr/bin/env bash
# Pre-train a MOS predictor on NISQA, fine-tune it on AudioMOS 2025 track 3 (16, 24, 48 kHz).
set -e
set -u
set -o pipefail

./mos.sh \
    --ngpu 1 \
    --pretrain_config conf/tuning/pretrain.yaml \
    --train_config conf/train.yaml \
    --inference_config conf/decode.yaml \
    --pretrain_set nisqa_train \
    --pretrain_valid_set nisqa_valid \
    --train_set audiomos_train \
    --valid_set audiomos_valid \
    --test_sets audiomos_test "$@"
