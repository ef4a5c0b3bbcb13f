"""Trains PyTorch's DCGAN (32x32, the network of `clgen train --cfg dcgan`) for the same budget, to compare pictures and
metrics: same initialisation, optimiser, losses and average of the generator's weights as clgen's defaults. Not part of the
tests. Needs PyTorch, NumPy and Pillow.
Usage: train_dcgan.py --data FOLDER_WITH_MNIST --out PREFIX [--kimg 60] [--ngf 32] [--seed 0] [--ema-kimg 10]
Writes PREFIX.png (a grid of 8x8) and PREFIX.npy (--num images, uint8 (N,32,32)) made by the averaged generator."""
import argparse, copy, gzip, json, os, time
import numpy as np
import torch, torch.nn as nn
from PIL import Image

a = argparse.ArgumentParser()
a.add_argument("--data", required=True)
a.add_argument("--out", required=True)
a.add_argument("--kimg", type=float, default=60)
a.add_argument("--ngf", type=int, default=32)
a.add_argument("--batch", type=int, default=64)
a.add_argument("--seed", type=int, default=0)
a.add_argument("--ema-kimg", type=float, default=10)
a.add_argument("--num", type=int, default=10000)
a = a.parse_args()


def idx(prefix):
    for name in (prefix, prefix + ".gz"):
        path = os.path.join(a.data, name)
        if os.path.exists(path):
            raw = (gzip.open if name.endswith(".gz") else open)(path, "rb").read()
            return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)
    raise SystemExit("%s: no %s[.gz]" % (a.data, prefix))


images = np.stack([np.asarray(Image.fromarray(i).resize((32, 32), Image.BICUBIC)) for i in idx("train-images-idx3-ubyte")])
torch.manual_seed(a.seed)
torch.set_num_threads(2)
nz, f = 100, a.ngf
G = nn.Sequential(nn.ConvTranspose2d(nz, f * 4, 4, 1, 0, bias=False), nn.BatchNorm2d(f * 4), nn.ReLU(True),
                  nn.ConvTranspose2d(f * 4, f * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(f * 2), nn.ReLU(True),
                  nn.ConvTranspose2d(f * 2, f, 4, 2, 1, bias=False), nn.BatchNorm2d(f), nn.ReLU(True),
                  nn.ConvTranspose2d(f, 1, 4, 2, 1, bias=False), nn.Tanh())
D = nn.Sequential(nn.Conv2d(1, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True),
                  nn.Conv2d(f, f * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(f * 2), nn.LeakyReLU(0.2, True),
                  nn.Conv2d(f * 2, f * 4, 4, 2, 1, bias=False), nn.BatchNorm2d(f * 4), nn.LeakyReLU(0.2, True),
                  nn.Conv2d(f * 4, 1, 4, 1, 0, bias=False))
for m in list(G) + list(D):
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(m.weight, 0, 0.02)
    if isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1, 0.02)
average = copy.deepcopy(G)
oD = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
oG = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
L, one, zero = nn.BCEWithLogitsLoss(), torch.ones(a.batch), torch.zeros(a.batch)
seen, order, start = 0, [], time.time()
while seen < a.kimg * 1000:
    if len(order) < a.batch:
        order += list(np.random.RandomState(a.seed + seen).permutation(len(images)))
    x = torch.tensor(images[order[:a.batch]], dtype=torch.float32)[:, None] / 127.5 - 1
    order = order[a.batch:]
    z = torch.randn(a.batch, nz, 1, 1)
    oD.zero_grad()
    fake = G(z)
    (L(D(x).view(-1), one) + L(D(fake.detach()).view(-1), zero)).backward()
    oD.step()
    oG.zero_grad()
    L(D(fake).view(-1), one).backward()
    oG.step()
    seen += a.batch
    half_life = min(a.ema_kimg * 1000, 0.05 * (seen - a.batch))
    beta = 0.5 ** (a.batch / half_life) if half_life > 0 else 0
    with torch.no_grad():
        for p, q in zip(average.state_dict().values(), G.state_dict().values()):
            p.copy_(q if not p.is_floating_point() else q + beta * (p - q))
average.eval()
made = []
with torch.no_grad():
    for i in range(0, a.num, 100):
        made.append(((average(torch.randn(100, nz, 1, 1)) + 1) * 127.5).round().clamp(0, 255).byte().numpy()[:, 0])
made = np.concatenate(made)[:a.num]
np.save(a.out + ".npy", made)
Image.fromarray(made[:64].reshape(8, 8, 32, 32).transpose(0, 2, 1, 3).reshape(256, 256)).save(a.out + ".png")
print(json.dumps({"engine": "pytorch " + torch.__version__, "kimg": seen / 1000, "seconds": time.time() - start}))
