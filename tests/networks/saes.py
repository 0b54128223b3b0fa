"""Autoencoders as four libraries write them, and their forward passes written out by hand.

The passes follow the sources: sae-lens 6.54.12 (``saes/*.py``), dictionary-learning 0.1.0
(``dictionary.py``, ``trainers/``), eai-sparsify 1.3.3 (``sparse_coder.py``, ``fused_encoder.py``).
Each takes the tensors of a file and activations in float64, and returns codes and what they decode.
"""

import json

import numpy as np
import safetensors.numpy

from dcsc.networks.autoencoders import ConstantNorm, LayerNorm, Unchanged

SAMPLES, LATENTS, OUT, K = 6, 20, 4, 3
ACTIVATIONS = np.random.default_rng(1).normal(0.3, 1.5, (30, SAMPLES)).astype(np.float32)


def relu(z):
    return np.maximum(z, 0)


def top(z, k=K):
    """The k largest of each row."""
    level = np.sort(z, axis=1)[:, -k, None]
    return np.where(z >= level, z, 0)


def matrices(out=SAMPLES, **more):
    """Tensors named as in SAELens."""
    rng = np.random.default_rng(0)
    shapes = {"W_enc": (SAMPLES, LATENTS), "W_dec": (LATENTS, out), "b_enc": (LATENTS,)}
    shapes |= {"b_dec": (out,)} | more
    tensors = {name: 0.4 * rng.normal(size=shape) for name, shape in shapes.items()}
    if "threshold" in tensors:  # one below 0
        tensors["threshold"] = np.abs(tensors["threshold"]) * np.where(np.arange(LATENTS), 1, -1)
    return {name: np.asarray(value, np.float32) for name, value in tensors.items()}


def linear(**more):
    """Tensors named as those of linear layers in PyTorch."""
    tensors = matrices(**more)
    encoder, decoder = tensors.pop("W_enc"), tensors.pop("W_dec")
    del tensors["b_enc"], tensors["b_dec"]
    turned = {"encoder.weight": encoder.T.copy(), "decoder.weight": decoder.T.copy()}
    return turned | tensors


# ---- SAELens -------------------------------------------------------------------------------------


def unchanged(x):
    return x, lambda y: y


def layer_norm(x):
    """``_setup_activation_normalization``: torch's std has d − 1, and the way back no epsilon."""
    mean = x.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(x - mean).sum(axis=1, keepdims=True) / (x.shape[1] - 1))
    return (x - mean) / (deviation + 1e-5), lambda y: y * deviation + mean


def constant_norm(x):
    factor = x.shape[1] ** 0.5 / np.linalg.norm(x, axis=1, keepdims=True)
    return x * factor, lambda y: y / factor


NORMALIZATIONS = {Unchanged: unchanged, LayerNorm: layer_norm, ConstantNorm: constant_norm}


def of_saelens(activation, normalize=unchanged, apply=True):
    def forward(t, x):
        x, back = normalize(x)
        z = (x - t["b_dec"] * apply) @ t["W_enc"] + t["b_enc"]
        f = activation(z, t)
        return f, back(f @ t["W_dec"] + t["b_dec"])

    return forward


def gated(t, x):
    x = x - t["b_dec"]
    gate = x @ t["W_enc"] + t["b_gate"] > 0
    f = gate * relu(x @ (t["W_enc"] * np.exp(t["r_mag"])) + t["b_mag"])
    return f, f @ t["W_dec"] + t["b_dec"]


def rescaled(t, x):
    """TopKSAE with ``rescale_acts_by_decoder_norm``."""
    norms = np.linalg.norm(t["W_dec"], axis=1)
    f = relu(top(((x - t["b_dec"]) @ t["W_enc"] + t["b_enc"]) * norms))
    return f, (f / norms) @ t["W_dec"] + t["b_dec"]


def batch(t, x):
    """BatchTopKTrainingSAE as it is saved for inference."""
    norms = np.linalg.norm(t["W_dec"], axis=1)
    z = ((x - t["b_dec"]) @ t["W_enc"] + t["b_enc"]) * norms
    f = relu(z) * (z > t["topk_threshold"])
    return f, (f / norms) @ t["W_dec"] + t["b_dec"]


def transcoder(activation):
    def forward(t, x):
        f = activation(x @ t["W_enc"] + t["b_enc"], t)
        skip = x @ t["W_skip"].T if "W_skip" in t else 0
        return f, f @ t["W_dec"] + t["b_dec"] + skip

    return forward


def rectifier(z, t):
    return relu(z)


def jump(z, t):
    return relu(z) * (z > t["threshold"])


def top_k(z, t):
    return relu(top(z))


def absolute(z, t):
    return np.where(np.abs(z) >= np.sort(np.abs(z), axis=1)[:, -K, None], z, 0)


# ---- dictionary_learning -------------------------------------------------------------------------


def of_linear(encoder_bias, decoder_bias, activation, centred=True):
    def forward(t, x):
        x = x - t[decoder_bias] if centred else x
        f = activation(x @ t["encoder.weight"].T + t[encoder_bias], t)
        return f, f @ t["decoder.weight"].T + t[decoder_bias]

    return forward


def gated_linear(t, x):
    u = (x - t["decoder_bias"]) @ t["encoder.weight"].T
    f = (u + t["gate_bias"] > 0) * relu(np.exp(t["r_mag"]) * u + t["mag_bias"])
    return f, f @ t["decoder.weight"].T + t["decoder_bias"]


def fixed(z, t):
    return relu(z) * (relu(z) > t["threshold"])


# ---- sparsify ------------------------------------------------------------------------------------


def sparsify(transcode, keep=top):
    def forward(t, x):
        centred = x if transcode else x - t["b_dec"]
        f = keep(relu(centred @ t["encoder.weight"].T + t["encoder.bias"]))
        skip = x @ t["W_skip"].T if "W_skip" in t else 0
        return f, f @ t["W_dec"] + t["b_dec"] + skip

    return forward


def group_max(z, k=4):
    """``unflatten(-1, (k, -1)).max(-1)``, and where in its group it was."""
    groups = z.reshape(len(z), k, -1)
    winners = np.zeros_like(groups)
    at = groups.argmax(axis=2)[..., None]
    np.put_along_axis(winners, at, np.take_along_axis(groups, at, axis=2), axis=2)
    return winners.reshape(z.shape)


def sparse(**more):
    tensors = matrices(**more)
    return {
        "encoder.weight": tensors.pop("W_enc").T.copy(),
        "encoder.bias": tensors.pop("b_enc"),
        **tensors,
    }


# ---- all -----------------------------------------------------------------------------------------

ONE = (LATENTS,)
_SAELENS = "sae_weights.safetensors", "cfg.json"
_GATED = {"b_gate": ONE, "b_mag": ONE, "r_mag": ONE}
_SKIP = {"W_skip": (OUT, SAMPLES)}
_WRITTEN = {"d_in": SAMPLES, "d_sae": LATENTS, "metadata": {"sae_lens_version": "6.54.12"}}


def _saelens(architecture, tensors, forward, **config):
    return (*_SAELENS, {"architecture": architecture, **_WRITTEN, **config}, tensors, forward)


def _without(tensors, *names):
    return {name: value for name, value in tensors.items() if name not in names}


def _learned(kind, tensors, forward):
    config = {"trainer": {"dict_class": kind, "k": K}, "buffer": {}}
    return ("ae.pt", "config.json", config, tensors, forward)


def _number(value, kind=np.float32):
    return np.asarray(value, kind)


_JUMP = matrices(threshold=ONE)
_TOP = {"k": _number(K, np.int32), "threshold": _number(0.6)}

# The file of weights, the configuration's and what it says, tensors, and the forward pass.
CASES = {
    "standard": _saelens("standard", matrices(), of_saelens(rectifier)),
    "standard, layer norm": _saelens(
        "standard",
        matrices(),
        of_saelens(rectifier, layer_norm),
        normalize_activations="layer_norm",
    ),
    "standard, constant norm, not centred": _saelens(
        "standard",
        matrices(),
        of_saelens(rectifier, constant_norm, apply=False),
        normalize_activations="constant_norm_rescale",
        apply_b_dec_to_input=False,
    ),
    "standard, before version 6": (
        *_SAELENS,
        {"activation_fn": None, "activation_fn_str": "relu", "hook_point": "hook_z", "d_sae": None},
        matrices() | {"scaling_factor": np.ones(LATENTS, np.float32)},
        of_saelens(rectifier),
    ),
    "top-k, before version 6": (
        *_SAELENS,
        {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}},
        matrices(),
        of_saelens(top_k),
    ),
    "gated": _saelens("gated", _without(matrices(**_GATED), "b_enc"), gated),
    "jumprelu": _saelens("jumprelu", _JUMP, of_saelens(jump)),
    "jumprelu, logarithms": _saelens(
        "jumprelu",
        _without(_JUMP, "threshold") | {"log_threshold": np.log(np.abs(_JUMP["threshold"]))},
        of_saelens(lambda z, t: relu(z) * (z > np.exp(t["log_threshold"]))),
    ),
    "topk": _saelens("topk", matrices(), of_saelens(top_k), k=K),
    "topk, rescaled": _saelens(
        "topk", matrices(), rescaled, k=K, rescale_acts_by_decoder_norm=True
    ),
    "abstopk": _saelens("abstopk", matrices(), of_saelens(absolute), k=K),
    "batchtopk, in training": _saelens(
        "batchtopk", matrices() | {"topk_threshold": _number(0.4, float)}, batch
    ),
    "transcoder": _saelens("transcoder", matrices(OUT), transcoder(rectifier), d_out=OUT),
    "jumprelu skip transcoder": _saelens(
        "jumprelu_skip_transcoder", matrices(OUT, threshold=ONE, **_SKIP), transcoder(jump)
    ),
    "AutoEncoder": _learned(
        "AutoEncoder",
        linear(**{"encoder.bias": ONE, "bias": (SAMPLES,)}),
        of_linear("encoder.bias", "bias", rectifier),
    ),
    "AutoEncoderNew": _learned(
        "AutoEncoderNew",
        linear(**{"encoder.bias": ONE, "decoder.bias": (SAMPLES,)}),
        of_linear("encoder.bias", "decoder.bias", rectifier, centred=False),
    ),
    "GatedAutoEncoder": _learned(
        "GatedAutoEncoder",
        linear(decoder_bias=(SAMPLES,), r_mag=ONE, gate_bias=ONE, mag_bias=ONE),
        gated_linear,
    ),
    "JumpReluAutoEncoder": _learned("JumpReluAutoEncoder", _JUMP, of_saelens(jump, apply=False)),
    "AutoEncoderTopK": _learned(
        "AutoEncoderTopK",
        linear(**{"encoder.bias": ONE}) | {"b_dec": matrices()["b_dec"]} | _TOP,
        of_linear("encoder.bias", "b_dec", top_k),
    ),
    "BatchTopKSAE": _learned(
        "BatchTopKSAE",
        linear(**{"encoder.bias": ONE}) | {"b_dec": matrices()["b_dec"]} | _TOP,
        of_linear("encoder.bias", "b_dec", fixed),
    ),
    "MatryoshkaBatchTopKSAE": _learned(
        "MatryoshkaBatchTopKSAE",
        matrices() | _TOP | {"group_sizes": np.array([5, 15])},
        of_saelens(fixed),
    ),
    "sparsify": ("sae.safetensors", "cfg.json", {"k": K}, sparse(), sparsify(transcode=False)),
    "sparsify, groupmax": (
        "sae.safetensors",
        "cfg.json",
        {"k": 4, "activation": "groupmax"},
        sparse(),
        sparsify(transcode=False, keep=group_max),
    ),
    "sparsify transcoder": (
        "sae.safetensors",
        "cfg.json",
        {"k": K, "transcode": True, "skip_connection": True, "num_latents": 0},
        sparse(W_skip=(SAMPLES, SAMPLES)),
        sparsify(transcode=True),
    ),
    "Gemma Scope": ("params.npz", None, None, _JUMP, of_saelens(jump, apply=False)),
    "Gemma Scope 2": (
        "params.safetensors",
        None,
        None,
        {name.lower(): value for name, value in matrices(OUT, threshold=ONE).items()}
        | {"affine_skip_connection": matrices(OUT, **_SKIP)["W_skip"].T.copy()},
        lambda t, x: transcoder(jump)(
            {
                **t,
                "W_enc": t["w_enc"],
                "W_dec": t["w_dec"],
                "W_skip": t["affine_skip_connection"].T,
            },
            x,
        ),
    ),
}


def write(folder, name):
    """Write the files of a case, and return the file of weights."""
    weights, beside, config, tensors, _ = CASES[name]
    folder.mkdir(exist_ok=True)
    path = folder / weights
    if beside is not None:
        (folder / beside).write_text(json.dumps(config))
    save(path, tensors)
    return path


def save(path, tensors):
    if path.suffix == ".npz":
        np.savez(path, **tensors)
    elif path.suffix == ".pt":
        from tests.extras import torch  # noqa: PLC0415

        package = torch()
        package.save({name: package.from_numpy(np.array(v)) for name, v in tensors.items()}, path)
    else:
        safetensors.numpy.save_file(tensors, path)
