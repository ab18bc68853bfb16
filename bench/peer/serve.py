"""PyTorch's side of the benchmark: it answers one JSON line per request line, so that the runs of both sides alternate.

Requests: {"case": NAME, "mode": MODE}; MODE is `eager` or `compiled`, with `, channels last` and then `, bf16` after it or not. Answers: {"seconds": S, "version": V,
"cpu": seconds of processor time of this process so far, "peak": bytes of memory at most so far}.
"""

import json
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 2


def conv_block(inner, outer):
    return nn.Sequential(nn.Conv2d(inner, outer, 3, padding=1), nn.BatchNorm2d(outer), nn.ReLU(), nn.MaxPool2d(2))


class Conv64F(nn.Module):
    def __init__(self, channels=3, width=64):
        super().__init__()
        self.layers = nn.Sequential(conv_block(channels, width), *(conv_block(width, width) for _ in range(3)))

    def forward(self, x):
        return self.layers(x).flatten(1)


class ResidualBlock(nn.Module):
    def __init__(self, inner, outer):
        super().__init__()
        sizes = [inner, outer, outer, outer]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(sizes, sizes[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(outer) for _ in range(3))
        self.shortcut = nn.Sequential(nn.Conv2d(inner, outer, 1, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x):
        y = x
        for place, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            y = norm(conv(y))
            if place < 2:
                y = F.leaky_relu(y, 0.1)
        return F.max_pool2d(F.leaky_relu(y + self.shortcut(x), 0.1), 2)


class ResNet12(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [3, 64, 160, 320, 640]
        self.blocks = nn.Sequential(*(ResidualBlock(a, b) for a, b in zip(widths, widths[1:])))

    def forward(self, x):
        return self.blocks(x).mean((2, 3))


class Mode:
    """Whether PyTorch compiles, in which layout it holds images and filters, and whether autocast rounds to bf16."""

    def __init__(self, name):
        self.compiled = name.startswith("compiled")
        self.layout = torch.channels_last if "channels last" in name else torch.contiguous_format
        self.rounds = name.endswith("bf16")

    def prepared(self, function):
        def rounded(*inputs):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return function(*inputs)

        chosen = rounded if self.rounds else function
        return torch.compile(chosen) if self.compiled else chosen


class ProtoStep:
    """Forward, backward and Adam's update of one ProtoNet episode."""

    def __init__(self, net, way, shot, query, size, channels, mode):
        self.way, self.shot, self.query = way, shot, query
        self.layout = mode.layout
        self.net = net.to(memory_format=self.layout)
        self.forward = mode.prepared(self.loss)
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        self.images = torch.randint(0, 256, (way * (shot + query), channels, size, size), dtype=torch.uint8)
        self.labels = torch.arange(way).repeat_interleave(query)

    def loss(self, images):
        features = self.net(images)
        support = features[: self.way * self.shot].view(self.way, self.shot, -1).mean(1)
        queries = features[self.way * self.shot :]
        distance = (queries[:, None] - support[None]).pow(2).sum(2)
        return F.cross_entropy(-distance, self.labels)

    def __call__(self):
        images = (self.images.float() / 255 - 0.5).contiguous(memory_format=self.layout)
        self.optimizer.zero_grad()
        self.forward(images).backward()
        self.optimizer.step()


class Embed:
    """The forward pass alone, with running statistics."""

    def __init__(self, net, count, size, channels, mode):
        self.layout = mode.layout
        self.net = net.eval().to(memory_format=self.layout)
        self.forward = mode.prepared(self.net)
        self.images = torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8)

    def __call__(self):
        with torch.no_grad():
            self.forward((self.images.float() / 255 - 0.5).contiguous(memory_format=self.layout))


class Reembed:
    """Evaluation as it is usually written: every episode embeds its own images, then classifies its queries."""

    def __init__(self, way, shot, query, size, mode):
        self.step = ProtoStep(Conv64F(), way, shot, query, size, 3, mode)
        self.step.net.eval()

    def __call__(self):
        with torch.no_grad():
            self.step.forward((self.step.images.float() / 255 - 0.5).contiguous(memory_format=self.step.layout))


class MamlStep:
    """One step of MAML with second derivatives: the inner steps as graphs, the episodes one after the other."""

    def __init__(self, channels, width, size, way, shot, query, episodes, inner, rate, mode):
        self.layout = mode.layout
        widths = [channels] + [width] * 4
        self.weights = []
        for a, b in zip(widths, widths[1:]):
            conv = nn.Conv2d(a, b, 3, padding=1).to(memory_format=self.layout)
            self.weights += [conv.weight, conv.bias, nn.Parameter(torch.ones(b)), nn.Parameter(torch.zeros(b))]
        head = nn.Linear(width * (size // 16) ** 2, way)
        self.weights += [head.weight, head.bias]
        self.optimizer = torch.optim.Adam(self.weights, lr=1e-3)
        self.inner, self.rate, self.supports = inner, rate, way * shot
        self.images = torch.randint(0, 256, (episodes, way * (shot + query), channels, size, size), dtype=torch.uint8)
        self.support_labels = torch.arange(way).repeat_interleave(shot)
        self.query_labels = torch.arange(way).repeat_interleave(query)

    @staticmethod
    def forward(w, x):
        for block in range(4):
            weight, bias, gamma, beta = w[4 * block : 4 * block + 4]
            x = F.batch_norm(F.conv2d(x, weight, bias, padding=1), None, None, gamma, beta, training=True)
            x = F.max_pool2d(F.relu(x), 2)
        return F.linear(x.flatten(1), w[-2], w[-1])

    def __call__(self):
        self.optimizer.zero_grad()
        for episode in self.images:
            images = (episode.float() / 255 - 0.5).contiguous(memory_format=self.layout)
            w = self.weights
            for _ in range(self.inner):
                loss = F.cross_entropy(self.forward(w, images[: self.supports]), self.support_labels)
                slopes = torch.autograd.grad(loss, w, create_graph=True)
                w = [value - self.rate * slope for value, slope in zip(w, slopes)]
            loss = F.cross_entropy(self.forward(w, images[self.supports :]), self.query_labels)
            (loss / len(self.images)).backward()
        self.optimizer.step()


class Transductive:
    """One episode of a transductive method of easyfsl on cached features: 5-way 1-shot 15-query, 640 numbers an image."""

    def __init__(self, method):
        self.method = method
        self.supports = torch.rand(5, 640)
        self.queries = torch.rand(75, 640)
        self.labels = torch.arange(5)

    def __call__(self):
        with torch.no_grad():
            self.method.process_support_set(self.supports, self.labels)
            self.method(self.queries)


def make(case, mode):
    if case == "maml":
        return MamlStep(3, 32, 28, 5, 1, 15, 4, 5, 0.01, mode)
    if case == "maml84":
        return MamlStep(3, 32, 84, 5, 1, 15, 4, 5, 0.01, mode)
    if case == "conv64":
        return ProtoStep(Conv64F(), 5, 5, 15, 84, 3, mode)
    if case == "resnet12":
        return ProtoStep(ResNet12(), 5, 5, 15, 84, 3, mode)
    if case == "omniglot":
        return ProtoStep(Conv64F(1), 20, 1, 5, 28, 1, mode)
    if case == "small":
        return ProtoStep(Conv64F(), 5, 1, 5, 28, 3, mode)
    if case == "small32":
        return ProtoStep(Conv64F(width=32), 5, 1, 5, 28, 3, mode)
    if case == "embed":
        return Embed(Conv64F(), 100, 84, 3, mode)
    if case == "evaluate":
        return Reembed(5, 1, 15, 84, mode)
    if case == "tim":
        from easyfsl.methods import TIM

        return Transductive(TIM(nn.Identity(), fine_tuning_steps=50))
    if case == "pt-map":
        from easyfsl.methods import PTMAP

        return Transductive(PTMAP(nn.Identity(), fine_tuning_steps=20, fine_tuning_lr=0.4))
    raise SystemExit(f"no case {case}")


def main():
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = request["case"], request["mode"]
        if key not in made:
            made[key] = make(request["case"], Mode(request["mode"]))
        start = time.perf_counter()
        made[key]()
        seconds = time.perf_counter() - start
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        answer = {
            "seconds": seconds,
            "version": torch.__version__,
            "cpu": sum(usage.ru_utime + usage.ru_stime for usage in usages),
            "peak": usages[0].ru_maxrss * 1024,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
