#!/usr/bin/env bash
# Train and test a MOS predictor on the NISQA Corpus (48 kHz).
set -e
set -u
set -o pipefail

./mos.sh \
    --ngpu 1 \
    --local_data_opts "--corpus nisqa --download true" \
    --pretrain false \
    --train_config conf/train.yaml \
    --inference_config conf/decode.yaml \
    --train_set nisqa_train \
    --valid_set nisqa_valid \
    --test_sets "nisqa_test_for nisqa_test_livetalk nisqa_test_p501" "$@"
