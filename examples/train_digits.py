"""
A small network for digits, trained to be analysed
==================================================

Trains the two networks that dcsc ships, which read handwritten digits of 8 × 8 pixels: three
convolutions with ReLU as a plain chain, the largest value of each channel, and a linear classifier.
They differ in nothing but a coherence penalty. It needs PyTorch, scikit-learn and safetensors:
``pip install "dcsc[examples]"``.

``python examples/train_digits.py`` writes both networks and the held-out digits to ``--out``, in
half a minute; ``--sweep`` prints what other strengths of the penalty cost, in some minutes, and
``--quick`` trains for two epochs only.
"""

import argparse
import json
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

SHIPPED = Path(__file__).parents[1] / "dcsc" / "networks" / "shipped"
HELD_OUT = 300  # digits for validation, and as many for the test
BATCH = 32
EPOCHS = 40
RATE = 3e-3
LEAST_THRESHOLD = 0.1
ACTIVITY = 4.0
POWER = 8
STRENGTHS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
SEEDS = (0, 1, 2)
CHOSEN = 0.5  # the largest that costs at most one point of the mean accuracy in validation
DATA = (
    "Optical Recognition of Handwritten Digits (E. Alpaydin and C. Kaynak, 1998; UCI Machine "
    "Learning Repository, CC BY 4.0), the part that scikit-learn ships, pixels divided by 16"
)
GEOMETRY = """\
input = [1, 8, 8]

[[layers]]
name = "conv1"
stride = 1
padding = 0
dilation = 1
groups = 1
activation = "relu"

[[layers]]
name = "conv2"
stride = 1
padding = 0
dilation = 1
groups = 1
activation = "relu"

[[layers]]
name = "conv3"
stride = 2
padding = 0
dilation = 1
groups = 1
activation = "relu"
pool = { kind = "max_pool", kernel = [2, 2], stride = [2, 2] }

[[layers]]
kind = "flatten"

[[layers]]
name = "classifier"
"""


# ---- the data --------------------------------------------------------------------------------


@attrs.frozen
class Digits:
    """Images ``(digits, 1, 8, 8)`` between 0 and 1, and what they show."""

    images: Tensor
    labels: Tensor


def splits() -> tuple[Digits, Digits, Digits]:
    """Return the digits for training, validation and the test, as many of each digit."""
    data = load_digits()
    images, labels = (data.images / 16).astype(np.float32)[:, None], data.target

    def read(part: npt.NDArray[np.intp]) -> Digits:
        return Digits(torch.from_numpy(images[part]), torch.from_numpy(labels[part]))

    others, test = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT, stratify=labels, random_state=0
    )
    training, validation = train_test_split(
        others, test_size=HELD_OUT, stratify=labels[others], random_state=0
    )
    return read(training), read(validation), read(test)


# ---- the network -----------------------------------------------------------------------------


class DigitsNetwork(nn.Module):
    """Three convolutions without padding, so that no atom is cut off at the border."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3)
        self.conv2 = nn.Conv2d(16, 24, 3)
        self.conv3 = nn.Conv2d(24, 32, 2, stride=2)
        self.classifier = nn.Linear(32, 10)
        self.project()

    @property
    def convolutions(self) -> tuple[nn.Conv2d, ...]:
        return self.conv1, self.conv2, self.conv3

    def codes(self, images: Tensor) -> list[Tensor]:
        found = [images]
        for convolution in self.convolutions:
            found.append(functional.relu(convolution(found[-1])))
        return found[1:]

    def classify(self, code: Tensor) -> Tensor:
        scores: Tensor = self.classifier(functional.max_pool2d(code, 2).flatten(1))
        return scores

    @torch.no_grad()
    def project(self) -> None:
        """Make filters of unit norm, and thresholds of at least `LEAST_THRESHOLD`.

        The norms lose nothing: a ReLU passes them on to the next layer.
        """
        for convolution in self.convolutions:
            convolution.weight /= convolution.weight.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
            assert convolution.bias is not None
            convolution.bias.clamp_(max=-LEAST_THRESHOLD)


def correlations(filters: Tensor, stride: int) -> Tensor:
    """Return the entries of the Gram matrix off its diagonal: all pairs, all shifts that meet.

    Shape ``(n, n, shifts, shifts)``, 0 where a filter meets itself.
    """
    reach = (filters.shape[-1] - 1) // stride
    gram = functional.conv2d(filters, filters, stride=stride, padding=reach * stride)
    itself = torch.zeros_like(gram, dtype=torch.bool)
    itself[range(len(filters)), range(len(filters)), reach, reach] = True
    return gram.masked_fill(itself, 0)


def penalty(convolution: nn.Conv2d) -> Tensor:
    """Return the p-norm of the correlations: nearly their maximum, but it moves all large ones."""
    found = correlations(convolution.weight, convolution.stride[0])
    return found.abs().pow(POWER).sum().pow(1 / POWER)


# ---- training --------------------------------------------------------------------------------


def train(digits: Digits, strength: float, seed: int, epochs: int = EPOCHS) -> DigitsNetwork:
    """Return the network of a seed, trained with a strength of the coherence penalty.

    The mean activity of each layer is penalised as well, from nothing at first to `ACTIVITY` in
    the second half, which makes the codes sparse.
    """
    torch.manual_seed(seed)
    network = DigitsNetwork()
    steps = len(digits.labels) // BATCH
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps)
    for epoch in range(epochs):
        activity = ACTIVITY * min(1, 2 * epoch / epochs)
        for batch in torch.randperm(len(digits.labels))[: steps * BATCH].reshape(steps, BATCH):
            codes = network.codes(digits.images[batch])
            scores = network.classify(codes[-1])
            loss = functional.cross_entropy(scores, digits.labels[batch])
            loss = loss + activity * sum(code.mean() for code in codes)
            if strength:
                loss = loss + strength * sum(map(penalty, network.convolutions))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            network.project()
    return network


@torch.no_grad()
def accuracy(network: DigitsNetwork, digits: Digits) -> float:
    found = network.classify(network.codes(digits.images)[-1]).argmax(dim=1)
    return float((found == digits.labels).double().mean())


@torch.no_grad()
def densities(network: DigitsNetwork, digits: Digits) -> list[float]:
    return [float((code > 0).double().mean()) for code in network.codes(digits.images)]


@torch.no_grad()
def coherences(network: DigitsNetwork) -> list[float]:
    return [float(correlations(c.weight, c.stride[0]).abs().max()) for c in network.convolutions]


# ---- what is written and printed -------------------------------------------------------------


def write(folder: Path, epochs: int) -> None:
    """Train both variants and write them, with the held-out digits of the test."""
    training, validation, test = splits()
    folder.mkdir(parents=True, exist_ok=True)
    for variant, strength in (("plain", 0.0), ("incoherent", CHOSEN)):
        network = train(training, strength, SEEDS[0], epochs)
        facts = {
            "title": f"Handwritten digits, {variant}",
            "script": "examples/train_digits.py",
            "seed": SEEDS[0],
            "epochs": epochs,
            "coherence_penalty": strength,
            "data": DATA,
            "training_digits": len(training.labels),
            "validation_digits": len(validation.labels),
            "validation_accuracy": round(accuracy(network, validation), 4),
            "test_digits": len(test.labels),
            "test_accuracy": round(accuracy(network, test), 4),
        }
        target = folder / f"digits-{variant}.safetensors"
        # One key: several would be written in an order that changes from run to run.
        save_file(network.state_dict(), target, metadata={"training": json.dumps(facts)})
        target.with_suffix(".toml").write_text(GEOMETRY)
        print(f"{target.name}: {facts['test_accuracy']:.1%} of the test digits are read correctly")
    np.savez_compressed(
        folder / "digits.npz",
        images=test.images.numpy(),
        labels=test.labels.numpy().astype(np.uint8),
    )


def sweep(epochs: int) -> None:
    """Print what each strength of the penalty costs in accuracy, as means over the seeds."""
    training, validation, test = splits()
    print("penalty  validation  test   coherence of the layers     density of the codes")
    for strength in STRENGTHS:
        networks = [train(training, strength, seed, epochs) for seed in SEEDS]
        right = [np.mean([accuracy(n, digits) for n in networks]) for digits in (validation, test)]
        mu = np.mean([coherences(n) for n in networks], axis=0)
        density = np.mean([densities(n, test) for n in networks], axis=0)
        print(
            f"{strength:<7g}  {right[0]:<10.3f}  {right[1]:.3f}",
            "  ".join(f"{value:<7.2g}" for value in mu),
            "  ".join(f"{value:.2f}" for value in density),
            sep="  ",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the networks for digits that dcsc ships.")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder of the files")
    parser.add_argument("--sweep", action="store_true", help="compare strengths of the penalty")
    parser.add_argument("--quick", action="store_true", help="two epochs only")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    epochs = 2 if given.quick else EPOCHS
    if given.sweep:
        sweep(epochs)
    else:
        write(given.out, epochs)


if __name__ == "__main__":
    main()
