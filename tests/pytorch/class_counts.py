"""How often each class is the most probable one among images in NPY files (uint8 (N,H,W)), by the feature network that comes
with clgen, computed with PyTorch: do all ten digits appear? Not part of the tests. Needs PyTorch, NumPy and Pillow.
Usage: class_counts.py models/mnist-cnn.safetensors FILE.npy..."""
import json, struct, sys
import numpy as np
import torch, torch.nn.functional as F
from PIL import Image

raw = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + size])
cfg = json.loads(header.pop("__metadata__")["clgen.cfg"])
w = {}
for name, t in header.items():
    if t["dtype"] == "F32":
        begin, end = t["data_offsets"]
        w[name] = torch.from_numpy(np.frombuffer(raw[8 + size + begin:8 + size + end], "<f4").reshape(t["shape"]).copy())


def classes_of(x):
    i = 1
    while "conv%d.weight" % i in w:
        x = F.conv2d(x, w["conv%d.weight" % i], stride=2, padding=1)
        bn = ["bn%d.%s" % (i, part) for part in ("running_mean", "running_var", "weight", "bias")]
        x = F.relu(F.batch_norm(x, *[w[name] for name in bn]))
        i += 1
    x = F.relu(F.linear(x.flatten(1), w["fc1.weight"], w["fc1.bias"]))
    return F.linear(x, w["fc2.weight"], w["fc2.bias"]).argmax(1)


print("| images | " + " | ".join(str(c) for c in range(cfg["classes"])) + " |")
print("| --- |" + " ---: |" * cfg["classes"])
for path in sys.argv[2:]:
    images = np.load(path)
    if images.shape[1:] != (cfg["height"], cfg["width"]):
        side = (cfg["width"], cfg["height"])
        images = np.stack([np.asarray(Image.fromarray(i).resize(side, Image.BICUBIC)) for i in images])
    with torch.no_grad():
        found = torch.cat([classes_of(b[:, None] / 255) for b in torch.from_numpy(images).float().split(500)])
    counts = torch.bincount(found, minlength=cfg["classes"])
    print("| %s | " % path.split("/")[-1] + " | ".join(str(int(c)) for c in counts) + " |")
