#!/usr/bin/env bash
# The stages of mos.sh on a few clips, for the integration test.
set -e
set -u
set -o pipefail

./mos.sh \
    --nj 2 \
    --inference_nj 2 \
    --pretrain_config conf/train.yaml \
    --train_config conf/train.yaml \
    --inference_config conf/decode.yaml \
    --pretrain_set train_nodev \
    --pretrain_valid_set train_dev \
    --train_set train_nodev \
    --valid_set train_dev \
    --test_sets "train_dev test" "$@"
