#!/usr/bin/env python3
"""Describes networks of torchvision for clgen (docs/features.md), so that their weights serve as features:

    features_from_torch.py inception-v3 inception_v3.pth inception-v3.safetensors
    clgen evaluate --features inception-v3.safetensors --fakes fakes --data reals

The .pth is a state dict as torch.save writes it. Networks:

  inception-v3      torchvision's inception_v3; features: the 2048 means before its last layer
  inception-v3-fid  the same tensors as the Inception network of 2015 from which FID was defined, whose pooling is without
                    the padding and whose last block has a maximum; 1008 logits (pytorch-fid's pt_inception weights)
  resnet18          torchvision's resnet18; features: the 512 means before its last layer
  vgg16             torchvision's vgg16; features: the 4096 numbers before its last layer (fc7)

--random SEED in place of the .pth: weights drawn at random, from torchvision. --check N then runs N random images through
torchvision, and writes them as OUT.npy and the features as OUT.features.npy.
Needs PyTorch; torchvision (0.14) only for --random."""
import argparse
import json
import struct
import numpy as np
import torch


class Description:
    def __init__(self, name, size, mean, std):
        self.json = {"version": 1, "name": name,
                     "input": {"channels": 3, "height": size, "width": size, "mean": mean, "std": std}, "layers": []}

    def add(self, kind, name, source=None, **keys):
        layer = {"name": name, "type": kind}
        if source is not None:
            layer["inputs" if isinstance(source, list) else "input"] = source
        self.json["layers"].append({**layer, **keys})
        return name


# ---- Inception v3 (Szegedy et al. 2016) ----

def inception(name, fid):
    d = Description(name, 299, 0.5, 0.5)

    def conv(at, source, stride=1, padding=0):
        """torchvision's BasicConv2d."""
        d.add("conv2d", at + ".conv", source, bias=False, stride=stride, padding=padding)
        d.add("batch_norm", at + ".bn", eps=0.001)
        return d.add("relu", at)

    def chain(block, source, *convs):
        for at, *how in convs:
            source = conv(f"{block}.{at}", source, *how)
        return source

    def means(block, source):
        return d.add("avg_pool", block + ".pool", source, kernel=3, stride=1, padding=1, count_include_pad=not fid)

    def maxima(block, source, stride=2, padding=0):
        return d.add("max_pool", block + ".pool", source, kernel=3, stride=stride, padding=padding)

    def block_a(block, x):
        return d.add("concat", block, [
            chain(block, x, ("branch1x1",)),
            chain(block, x, ("branch5x5_1",), ("branch5x5_2", 1, 2)),
            chain(block, x, ("branch3x3dbl_1",), ("branch3x3dbl_2", 1, 1), ("branch3x3dbl_3", 1, 1)),
            chain(block, means(block, x), ("branch_pool",))])

    def block_b(block, x):
        return d.add("concat", block, [
            chain(block, x, ("branch3x3", 2)),
            chain(block, x, ("branch3x3dbl_1",), ("branch3x3dbl_2", 1, 1), ("branch3x3dbl_3", 2)),
            maxima(block, x)])

    def block_c(block, x):
        across, down = [0, 3], [3, 0]
        return d.add("concat", block, [
            chain(block, x, ("branch1x1",)),
            chain(block, x, ("branch7x7_1",), ("branch7x7_2", 1, across), ("branch7x7_3", 1, down)),
            chain(block, x, ("branch7x7dbl_1",), ("branch7x7dbl_2", 1, down), ("branch7x7dbl_3", 1, across),
                  ("branch7x7dbl_4", 1, down), ("branch7x7dbl_5", 1, across)),
            chain(block, means(block, x), ("branch_pool",))])

    def block_d(block, x):
        return d.add("concat", block, [
            chain(block, x, ("branch3x3_1",), ("branch3x3_2", 2)),
            chain(block, x, ("branch7x7x3_1",), ("branch7x7x3_2", 1, [0, 3]), ("branch7x7x3_3", 1, [3, 0]),
                  ("branch7x7x3_4", 2)),
            maxima(block, x)])

    def block_e(block, x, last):
        def both(at, x):
            return d.add("concat", f"{block}.{at}", [chain(block, x, (at + "a", 1, [0, 1])), chain(block, x, (at + "b", 1, [1, 0]))])

        pooled = maxima(block, x, 1, 1) if last and fid else means(block, x)
        return d.add("concat", block, [
            chain(block, x, ("branch1x1",)),
            both("branch3x3_2", chain(block, x, ("branch3x3_1",))),
            both("branch3x3dbl_3", chain(block, x, ("branch3x3dbl_1",), ("branch3x3dbl_2", 1, 1))),
            chain(block, pooled, ("branch_pool",))])

    x = conv("Conv2d_1a_3x3", "image", 2)
    x = conv("Conv2d_2a_3x3", x)
    x = conv("Conv2d_2b_3x3", x, 1, 1)
    x = d.add("max_pool", "maxpool1", x, kernel=3, stride=2)
    x = conv("Conv2d_3b_1x1", x)
    x = conv("Conv2d_4a_3x3", x)
    x = d.add("max_pool", "maxpool2", x, kernel=3, stride=2)
    for block in "Mixed_5b", "Mixed_5c", "Mixed_5d":
        x = block_a(block, x)
    x = block_b("Mixed_6a", x)
    for block in "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e":
        x = block_c(block, x)
    x = block_d("Mixed_7a", x)
    x = block_e("Mixed_7b", x, False)
    x = block_e("Mixed_7c", x, True)
    d.json["features"] = d.add("global_avg_pool", "pool3", x)
    d.json["logits"] = d.add("linear", "fc")
    return d.json


# ---- ResNet-18 (He et al. 2016) ----

def resnet18(name):
    d = Description(name, 224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    d.add("conv2d", "conv1", bias=False, stride=2, padding=3)
    d.add("batch_norm", "bn1")
    d.add("relu", "relu")
    x = d.add("max_pool", "maxpool", kernel=3, stride=2, padding=1)
    for layer in range(1, 5):
        for block in range(2):
            at, smaller = f"layer{layer}.{block}", layer > 1 and block == 0
            d.add("conv2d", at + ".conv1", x, bias=False, stride=2 if smaller else 1, padding=1)
            d.add("batch_norm", at + ".bn1")
            d.add("relu", at + ".relu1")
            d.add("conv2d", at + ".conv2", bias=False, padding=1)
            y = d.add("batch_norm", at + ".bn2")
            if smaller:
                d.add("conv2d", at + ".downsample.0", x, bias=False, stride=2)
                x = d.add("batch_norm", at + ".downsample.1")
            d.add("add", at + ".sum", [y, x])
            x = d.add("relu", at)
    d.json["features"] = d.add("global_avg_pool", "avgpool", x)
    d.json["logits"] = d.add("linear", "fc")
    return d.json


# ---- VGG-16 (Simonyan & Zisserman 2015, configuration D) ----

def vgg16(name):
    d = Description(name, 224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    at = 0
    for convolutions in 2, 2, 3, 3, 3:
        for _ in range(convolutions):
            d.add("conv2d", f"features.{at}", padding=1)
            d.add("relu", f"features.{at + 1}")
            at += 2
        d.add("max_pool", f"features.{at}", kernel=2)
        at += 1
    d.add("flatten", "flatten")
    d.add("linear", "classifier.0")
    d.add("relu", "classifier.1")
    d.add("linear", "classifier.3")
    d.json["features"] = d.add("relu", "classifier.4")
    d.json["logits"] = d.add("linear", "classifier.6")
    return d.json


NETWORKS = {"inception-v3": lambda name: inception(name, False), "inception-v3-fid": lambda name: inception(name, True),
            "resnet18": resnet18, "vgg16": vgg16}


# ---- Files ----

def save(path, description, state):
    """The tensors that the description names, as F32, and the description."""
    wanted = set()
    for layer in description["layers"]:
        roles = {"conv2d": ("weight", "bias"), "linear": ("weight", "bias"),
                 "batch_norm": ("weight", "bias", "running_mean", "running_var")}.get(layer["type"], ())
        wanted |= {layer.get(role, f"{layer['name']}.{role}") for role in roles if layer.get(role) is not False}
    header, parts, at = {"__metadata__": {"clgen.features": json.dumps(description)}}, [], 0
    for key in sorted(wanted):
        a = np.ascontiguousarray(state[key].detach().float().numpy())
        header[key] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        parts.append(a.tobytes())
        at += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def pool_as_in_2015(net):
    """Gives torchvision's Inception v3 the pooling of the network that FID was defined by."""
    import torchvision

    class Pools:
        last = False

        def __getattr__(self, name):
            return getattr(torch.nn.functional, name)

        def avg_pool2d(self, x, kernel_size, stride, padding):
            if self.last:
                return torch.nn.functional.max_pool2d(x, kernel_size, stride, padding)
            return torch.nn.functional.avg_pool2d(x, kernel_size, stride, padding, count_include_pad=False)

    torchvision.models.inception.F = pools = Pools()
    net.Mixed_7c.register_forward_pre_hook(lambda module, inputs: setattr(pools, "last", True))
    net.Mixed_7c.register_forward_hook(lambda module, inputs, output: setattr(pools, "last", False))
    return net


def random_network(name, seed):
    """torchvision's, with batch norms that are not the identity and weights that keep the size of what goes through."""
    import torchvision
    torch.manual_seed(seed)
    if name in ("resnet18", "vgg16"):
        net = getattr(torchvision.models, name)(weights=None)
    else:
        fid = name == "inception-v3-fid"
        net = torchvision.models.inception_v3(weights=None, init_weights=False, aux_logits=False, transform_input=False,
                                              num_classes=1008 if fid else 1000)
        net = pool_as_in_2015(net) if fid else net
    for m in net.modules():
        if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(m.weight)
        if isinstance(m, torch.nn.BatchNorm2d):
            for t, low, high in (m.weight, 0.7, 1.3), (m.bias, -0.2, 0.2), (m.running_mean, -0.2, 0.2), (m.running_var, 0.7, 1.3):
                torch.nn.init.uniform_(t, low, high)
    return net.eval()


def check(net, name, path, n):
    d = NETWORKS[name](name)["input"]
    images = np.random.RandomState(1).randint(0, 256, (n, d["height"], d["width"], 3), np.uint8)
    np.save(path + ".npy", images)
    channel = lambda v: torch.tensor(v).reshape(-1, 1, 1)
    x = (torch.tensor(images).permute(0, 3, 1, 2).float() / 255 - channel(d["mean"])) / channel(d["std"])
    seen = []
    last = net.classifier[4] if name == "vgg16" else net.avgpool
    last.register_forward_hook(lambda module, inputs, output: seen.append(output.flatten(1)))
    with torch.no_grad():
        net(x)
    np.save(path + ".features.npy", seen[0].numpy())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("state", nargs="?", help="state dict; none with --random")
    parser.add_argument("out")
    parser.add_argument("--random", type=int, metavar="SEED")
    parser.add_argument("--check", type=int, metavar="N")
    options = parser.parse_args()
    if (options.state is None) != (options.random is not None) or (options.check and options.random is None):
        parser.error("a state dict, or --random SEED, with which alone there is --check")
    if options.random is None:
        weights = torch.load(options.state, map_location="cpu")
    else:
        network = random_network(options.network, options.random)
        weights = network.state_dict()
    save(options.out, NETWORKS[options.network](options.network), weights)
    if options.check:
        check(network, options.network, options.out, options.check)
