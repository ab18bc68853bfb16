"""Features of the encoders of PyTorch's libraries, with weights that are a formula of their names.

    pip install torch torchvision timm safetensors numpy
    python bench/peer/encoders.py --small tests/fixtures/torch-encoders.json
    python bench/peer/encoders.py --full FOLDER

`--small` writes what `tests/methods/encoders.test.ts` compares with: narrow versions, their tensors' names, shapes and ranges, and the
features in 64 bits. `--full` writes the encoders in full size: weights, images and features in 32 bits as safetensors, which
`bench/encoders.ts` compares with.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torchvision.models import ConvNeXt, ResNet, convnext_tiny, resnet50
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.resnet import Bottleneck

mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class WideBlock(nn.Module):
    """A block of a wide residual network, with the names of S2M2's code."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        entered = torch.relu(self.bn1(x))
        made = self.conv2(torch.relu(self.bn2(self.conv1(entered))))
        return made + (x if self.convShortcut is None else self.convShortcut(entered))


class WideStage(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        blocks = [WideBlock(inputs, outputs, stride), *(WideBlock(outputs, outputs, 1) for _ in range(3))]
        self.layer = nn.Sequential(*blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class WideResNet(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.block1 = WideStage(16, width, 1)
        self.block2 = WideStage(width, 2 * width, 2)
        self.block3 = WideStage(2 * width, 4 * width, 2)
        self.bn1 = nn.BatchNorm2d(4 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return torch.relu(self.bn1(x)).mean((2, 3))


class NarrowResNet(ResNet):
    """torchvision's ResNet-50 with another width."""

    def __init__(self, width: int) -> None:
        super().__init__(Bottleneck, [1, 1, 1, 1])
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = self._make_layer(Bottleneck, width, 3)
        self.layer2 = self._make_layer(Bottleneck, 2 * width, 4, stride=2)
        self.layer3 = self._make_layer(Bottleneck, 4 * width, 6, stride=2)
        self.layer4 = self._make_layer(Bottleneck, 8 * width, 3, stride=2)


def headless(model: nn.Module, name: str) -> nn.Module:
    """Replaces the last layer, so that the model gives the features before it."""
    *path, last = name.split(".")
    parent = model
    for part in path:
        parent = getattr(parent, part)
    setattr(parent, last, nn.Identity())
    return model


def vit(size: int, **changes) -> nn.Module:
    return VisionTransformer(img_size=size, num_classes=0, **changes)


def narrow_convnext() -> nn.Module:
    blocks = [CNBlockConfig(4, 8, 3), CNBlockConfig(8, 16, 3), CNBlockConfig(16, 32, 9), CNBlockConfig(32, None, 3)]
    return ConvNeXt(blocks)


small = {
    "resnet50": ("resnet50(width: 4)", 32, lambda: headless(NarrowResNet(4), "fc")),
    "wrn28_10": ("wrn28_10(width: 4)", 16, lambda: WideResNet(4)),
    "vit_small": (
        "vit_small(patch: 8, width: 12, depth: 3, heads: 3)",
        32,
        lambda: vit(32, patch_size=8, embed_dim=12, depth=3, num_heads=3),
    ),
    "convnext_tiny": ("convnext_tiny(width: 4)", 32, lambda: headless(narrow_convnext(), "classifier.2")),
}
full = {
    "resnet50": ("resnet50", 224, lambda: headless(resnet50(), "fc")),
    "wrn28_10": ("wrn28_10", 84, lambda: WideResNet(160)),
    "vit_small": ("vit_small", 224, lambda: timm.create_model("vit_small_patch16_224", num_classes=0)),
    "convnext_tiny": ("convnext_tiny", 224, lambda: headless(convnext_tiny(), "classifier.2")),
}
# A tensor of each classifier, so that the files have what is to be left out.
heads = {
    "resnet50": "fc.weight",
    "wrn28_10": "linear.L.weight",
    "vit_small": "head.weight",
    "convnext_tiny": "classifier.2.weight",
}


def uniform(name: str, count: int) -> np.ndarray:
    """Numbers in [0, 1) that are a hash of the name and the place: MurmurHash3's finalizer of an FNV-1a hash and a Weyl sequence."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) % 2**32
    x = (seed + np.arange(count, dtype=np.uint64) * 2654435769) % 2**32
    for shift, factor in ((16, 2246822507), (13, 3266489909)):
        x = ((x ^ (x >> shift)) * factor) % 2**32
    return (x ^ (x >> np.uint64(16))).astype(np.float64) / 2**32


def limits(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """The range of a tensor's numbers: wide enough that every weight counts, narrow enough that nothing explodes."""
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return 0.5, 1.5
    if name.endswith("layer_scale"):
        return 0.1, 0.3
    if name.endswith(("bias", "running_mean", "cls_token", "pos_embed")):
        return -0.25, 0.25
    bound = round((3 / np.prod(shape[1:])) ** 0.5, 4)
    return -bound, bound


def fill(model: nn.Module) -> dict[str, torch.Tensor]:
    """Fills every tensor of the model, and returns them by name."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        low, high = limits(name, tuple(tensor.shape))
        values = low + uniform(name, tensor.numel()) * (high - low)
        tensors[name] = torch.from_numpy(values).reshape(tensor.shape)
        tensor.copy_(tensors[name])
    return tensors


def images(pixels: int, count: int) -> torch.Tensor:
    return torch.from_numpy(np.floor(uniform("images", count * 3 * pixels**2) * 256)).reshape(count, 3, pixels, pixels)


def features(model: nn.Module, pictures: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    shift, scale = (torch.tensor(v, dtype=dtype).reshape(1, 3, 1, 1) for v in (mean, std))
    return model(((pictures.to(dtype) / 255) - shift) / scale)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", type=Path)
    parser.add_argument("--full", type=Path)
    options = parser.parse_args()
    if options.small:
        made = {}
        for name, (backbone, pixels, make) in small.items():
            model = make().double().eval()
            tensors = fill(model)
            shapes = {key: [list(t.shape), *limits(key, tuple(t.shape))] for key, t in tensors.items()}
            out = features(model, images(pixels, 2), torch.float64)
            shapes[heads[name]] = [[3, out.shape[1]], 0, 0]
            made[name] = {"backbone": backbone, "pixels": pixels, "tensors": shapes, "features": out.tolist()}
        options.small.write_text(json.dumps(made, separators=(",", ":")) + "\n")
    if options.full:
        os.makedirs(options.full, exist_ok=True)
        for name, (backbone, pixels, make) in full.items():
            model = make().double().eval()
            tensors = {key: tensor.float() for key, tensor in fill(model).items()}
            model.load_state_dict({**model.state_dict(), **tensors})
            pictures = images(pixels, 4)
            exact = features(model, pictures, torch.float64)
            rounded = features(model.float(), pictures, torch.float32)
            tensors[heads[name]] = torch.zeros(3, exact.shape[1])
            save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, options.full / f"{name}.safetensors")
            found = {"images": pictures.to(torch.uint8), "features": rounded.contiguous(), "exact": exact.float().contiguous()}
            save_file(found, options.full / f"{name}.features.safetensors")
            apart = ((rounded.double() - exact).abs().max() / exact.abs().max()).item()
            print(f"{backbone} at {pixels} px: PyTorch in 32 bits differs from 64 bits by {apart:.1e}")


main()
