#!/usr/bin/env python3
"""Makes features.safetensors beside itself, from PyTorch (Debian's python3-torch, 1.13), in double: a small network with every
kind of layer that docs/features.md has, described as there. It is a file for `clgen evaluate --features`, and beside the
weights holds what they make of some images: expected.images (bytes), expected.features, expected.probabilities."""
import json
import torch
import torch.nn.functional as F
from make_golden import save

torch.manual_seed(5)
weights, layers = {}, []


def layer(kind, name, **keys):
    layers.append({"name": name, "type": kind, **keys})


def tensor(name, *shape, scale=None):
    fan = 1
    for n in shape[1:]:
        fan *= n
    weights[name] = torch.randn(*shape, dtype=torch.float32) * (scale or (2 / fan) ** 0.5)
    return weights[name].double()


def norm(name, channels, weight=True, bias=None):
    """Its tensors as a function; `bias` is what the bias is called."""
    w = (tensor(name + ".weight", channels, scale=0.2) if weight else torch.zeros(channels).double())
    if weight:
        weights[name + ".weight"] += 1
        w = weights[name + ".weight"].double()
    b = tensor(bias or name + ".bias", channels, scale=0.3)
    mean = tensor(name + ".running_mean", channels, scale=0.3)
    weights[name + ".running_var"] = torch.rand(channels) + 0.5
    var = weights[name + ".running_var"].double()
    return lambda x, eps: F.batch_norm(x, mean, var, w if weight else torch.ones_like(var), b, False, 0, eps)


images = torch.randint(0, 256, (5, 3, 20, 23), dtype=torch.uint8)
images[3:] = images[3:] // 64 * 64  # ties
mean, std = [0.48, 0.45, 0.4], [0.23, 0.22, 0.25]
x = (images.double() / 255 - torch.tensor(mean).double()[:, None, None]) / torch.tensor(std).double()[:, None, None]

layer("conv2d", "stem.conv", bias=False, stride=2, padding="same")  # 20x23 to 10x12: 0, 1 rows and 1, 1 columns
x = F.conv2d(F.pad(x, (1, 1, 0, 1)), tensor("stem.conv.weight", 6, 3, 3, 3), stride=2)
layer("batch_norm", "stem.bn", eps=0.001)
x = norm("stem.bn", 6)(x, 0.001)
layer("relu", "stem")
x = F.relu(x)

layer("conv2d", "across", padding=[0, 3])
layer("leaky_relu", "a", slope=0.2)
a = F.leaky_relu(F.conv2d(x, tensor("across.weight", 4, 6, 1, 7), tensor("across.bias", 4, scale=0.3), padding=(0, 3)), 0.2)
layer("conv2d", "down", input="stem", bias=False, padding=[3, 0])
layer("batch_norm", "down.norm", weight=False, bias="beta")
layer("silu", "b")
b = F.silu(norm("down.norm", 4, False, "beta")(F.conv2d(x, tensor("down.weight", 4, 6, 7, 1), padding=(3, 0)), 1e-5))
layer("avg_pool", "means", input="stem", kernel=3, stride=1, padding=1, count_include_pad=False)
layer("conv2d", "means.conv", weight="projection", bias="offset")
layer("sigmoid", "c")
c = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
c = torch.sigmoid(F.conv2d(c, tensor("projection", 3, 6, 1, 1), tensor("offset", 3, scale=0.3)))
layer("max_pool", "maxima", input="stem", kernel=3, stride=1, padding=1)
layer("relu6", "d")
d = F.relu6(F.max_pool2d(x, 3, 1, 1))
layer("concat", "branches", inputs=["a", "b", "c", "d"])
x = torch.cat([a, b, c, d], 1)

layer("conv2d", "mix", padding=[1, 0, 2, 1])  # rows above and below, columns left and right
layer("tanh", "mixed")
y = torch.tanh(F.conv2d(F.pad(x, (2, 1, 1, 0)), tensor("mix.weight", 17, 17, 2, 4), tensor("mix.bias", 17, scale=0.3)))
layer("add", "sum", inputs=["branches", "mixed", "branches"])
x = x + y + x
layer("max_pool", "smaller", kernel=[3, 2], stride=[2, 1], padding=[0, 1, 1, 0])
x = F.max_pool2d(F.pad(x, (1, 0, 0, 1), value=-1e9), (3, 2), (2, 1))
layer("avg_pool", "smallest", kernel=2, padding=[1, 0])
x = F.avg_pool2d(x, 2, padding=(1, 0))

layer("flatten", "flat")
layer("linear", "hidden")
layer("batch_norm", "hidden.norm")
h = F.linear(x.flatten(1), tensor("hidden.weight", 7, 17 * 3 * 6), tensor("hidden.bias", 7, scale=0.3))
h = norm("hidden.norm", 7)(h, 1e-5)
layer("global_avg_pool", "everywhere", input="smallest")
layer("concat", "seen", inputs=["hidden.norm", "everywhere"])
features = torch.cat([h, x.mean((2, 3))], 1)
layer("linear", "scores", bias=False)
probabilities = F.softmax(F.linear(features, tensor("scores.weight", 4, 24)), 1)

description = {"version": 1, "name": "every-layer", "input": {"channels": 3, "height": 20, "width": 23, "mean": mean, "std": std},
               "layers": layers, "features": "seen", "logits": "scores", "classes": ["0", "1", "2", "three"]}
weights["stem.bn.num_batches_tracked"] = torch.tensor(7)  # as in any state dict: nobody's
out = {**weights, "expected.images": images, "expected.features": features, "expected.probabilities": probabilities}
save("features.safetensors", out, "a network with every kind of layer; see make_features.py",
     {"clgen.features": json.dumps(description)})
