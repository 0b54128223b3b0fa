#!/usr/bin/env bash
# sae-lens 6.54.12: the loader for sparsify's autoencoders reads files of eai-sparsify 1.3.3 wrongly.
#
# Expected: what SAELens makes of a folder that sparsify has saved computes what sparsify computes.
# What happens, in sae_lens.loading.pretrained_sae_loaders.sparsify_disk_loader:
#   - W_dec, which sparsify keeps as (latents, width), is transposed, so that loading fails unless the
#     two are equal, and then gives a transposed decoder without a word;
#   - apply_b_dec_to_input becomes False wherever normalize_decoder is True, the default; sparsify
#     subtracts b_dec from the input of every autoencoder, and of transcoders only does not;
#   - num_latents = 0, sparsify's default, which means width * expansion_factor, becomes d_sae = 0.
#
# Only the loader's module is run: what it imports for downloads is replaced by empty modules.
# Versions: Python 3.11, torch 2.13.0, sae-lens 6.54.12, eai-sparsify 1.3.3 (whose SparseCoder
# has the shapes and the subtraction in sparse_coder.py).
# Source: https://github.com/decoderesearch/SAELens, https://github.com/EleutherAI/sparsify
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0
"$folder/venv/bin/pip" install --quiet numpy safetensors
"$folder/venv/bin/pip" install --quiet --no-deps sae-lens==6.54.12

cat > "$folder/loads.py" <<'PYTHON'
import importlib.util
import json
import pathlib
import sys
import types
from unittest.mock import MagicMock

import torch
from safetensors.torch import save_file

home = pathlib.Path(importlib.util.find_spec("sae_lens").submodule_search_locations[0])
package = types.ModuleType("sae_lens")
package.__path__, package.logger = [str(home)], None
sys.modules["sae_lens"] = package
for name in ("requests", "yaml", "packaging", "packaging.version", "transformers",
             "huggingface_hub", "huggingface_hub.utils", "sae_lens.registry",
             "sae_lens.loading.pretrained_saes_directory"):
    sys.modules[name] = MagicMock()
from sae_lens.loading.pretrained_sae_loaders import sparsify_disk_loader

# What SparseCoder(3, SparseCoderConfig(num_latents=5, k=2)).save_to_disk writes.
width, latents = 3, 5
folder = pathlib.Path(sys.argv[1]) / "layers.3"
folder.mkdir()
save_file({"encoder.weight": torch.randn(latents, width), "encoder.bias": torch.zeros(latents),
           "W_dec": torch.randn(latents, width), "b_dec": torch.zeros(width)},
          folder / "sae.safetensors")
config = {"activation": "topk", "expansion_factor": 32, "normalize_decoder": True,
          "num_latents": latents, "k": 2, "multi_topk": False, "skip_connection": False,
          "transcode": False, "d_in": width}
(folder / "cfg.json").write_text(json.dumps(config))
read, state = sparsify_disk_loader(folder)
(folder / "cfg.json").write_text(json.dumps(config | {"num_latents": 0}))
default, _ = sparsify_disk_loader(folder)
print(tuple(state["W_dec"].shape), read["apply_b_dec_to_input"], default["d_sae"])
PYTHON

saw=$("$folder/venv/bin/python" "$folder/loads.py" "$folder")
echo "W_dec of 5 latents of width 3; is b_dec subtracted; latents where the default is meant:"
echo "$saw (expected: (5, 3) True 96)"
[[ $saw == "(3, 5) False 0" ]] || { echo "this has changed"; exit 1; }
