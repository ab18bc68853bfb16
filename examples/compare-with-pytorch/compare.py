"""Takes the steps of a training of fslc in PyTorch, from the files that fslc wrote, and prints the largest differences.

    python compare.py .fslc/runs/ID/results/compared

The files are the weights before the first step, and the images, gradients and weights of each step (`report` in compare.fsl). With `--f64`,
PyTorch computes in 64 bits.
"""
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

FOLDER = Path(sys.argv[1])
DTYPE = torch.float64 if "--f64" in sys.argv else torch.float32
WAY, SHOT, QUERY = 5, 1, 5


def small() -> nn.ModuleDict:
    """The encoder of compare.fsl, with the names of its weights: `conv.0.weight`, `batch_norm.0.weight`, …"""
    channels = [3, 32, 32, 32, 32]
    return nn.ModuleDict(
        {
            "conv": nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(channels, channels[1:])),
            "batch_norm": nn.ModuleList(nn.BatchNorm2d(c) for c in channels[1:]),
        }
    )


def embed(net: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    for conv, norm in zip(net["conv"], net["batch_norm"]):
        x = F.max_pool2d(F.relu(norm(conv(x))), 2)
    return x.flatten(1)


def loss_of(net: nn.ModuleDict, images: torch.Tensor) -> torch.Tensor:
    """Prototypical networks: supports first, then queries, both class by class."""
    vectors = embed(net, (images.to(DTYPE) / 255 - 0.5) / 0.25)
    support, query = vectors[: WAY * SHOT], vectors[WAY * SHOT :]
    prototypes = support.view(WAY, SHOT, -1).mean(1)
    logits = -(query[:, None] - prototypes[None]).square().sum(-1)
    return F.cross_entropy(logits, torch.arange(WAY).repeat_interleave(QUERY))


def weights(step: int) -> dict[str, torch.Tensor]:
    """The weights of fslc after a step, without the prefix of the slot."""
    file = load_file(FOLDER / f"weights-{step}.safetensors")
    return {name.removeprefix("encoder."): tensor.to(DTYPE) for name, tensor in file.items()}


def furthest(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> str:
    """The largest difference of a number, and the norm of all differences relative to the norm of all values."""
    flat = [torch.cat([tensors[name].to(torch.float64).flatten() for name in ours]) for tensors in (ours, theirs)]
    difference = flat[0] - flat[1]
    return f"{difference.abs().max():.1e} ({(difference.norm() / flat[1].norm()):.1e})"


def compare(own_weights: bool) -> None:
    """Takes the three steps. Each one starts from the weights of fslc, or, with `own_weights`, from those of the step before it."""
    net = small().to(DTYPE)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step in (1, 2, 3):
        if step == 1 or not own_weights:
            net.load_state_dict(weights(step - 1), strict=False)  # fslc has no `num_batches_tracked`.
        images = load_file(FOLDER / f"images-{step}.safetensors")["images"][0]
        loss = loss_of(net, images)
        optimizer.zero_grad()
        loss.backward()
        with safe_open(FOLDER / f"gradients-{step}.safetensors", "pt") as file:
            reported = float(file.metadata()["loss"])
            gradients = {name.removeprefix("encoder."): file.get_tensor(name) for name in file.keys()}
        own = {name: parameter.grad for name, parameter in net.named_parameters()}
        assert own.keys() == gradients.keys()
        optimizer.step()
        after = weights(step)
        state = {name: net.state_dict()[name] for name in after}
        print(
            f"{step}     {reported:<12.7f}  {loss.item():<12.7f}    "
            f"{furthest(gradients, own)}      {furthest(after, state)}"
        )


print(f"PyTorch {torch.__version__.split('+')[0]}, {DTYPE}")
print("step  loss (fslc)   loss (PyTorch)  gradients              weights after the step")
print("each step from the weights of fslc")
compare(own_weights=False)
print("all steps on their own")
compare(own_weights=True)
