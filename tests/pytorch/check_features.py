#!/usr/bin/env python3
"""Compares clgen's features of images with those that PyTorch computed:

    features_from_torch.py inception-v3 net.safetensors --random 1 --check 4
    check_features.py net.safetensors --library build/libclgen.so --device host

Prints the largest difference relative to the largest feature, and seconds and memory; fails above 1e-4."""
import argparse
import ctypes
import resource
import sys
import time
import numpy as np


class Images(ctypes.Structure):
    _fields_ = [("pixels", ctypes.c_void_p), ("n", ctypes.c_int64), ("channels", ctypes.c_int), ("height", ctypes.c_int),
                ("width", ctypes.c_int)]


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("file")
parser.add_argument("--library", default="build/libclgen.so")
parser.add_argument("--device", default="")
parser.add_argument("--batch", type=int, default=100)
options = parser.parse_args()
library = ctypes.CDLL(options.library)
library.clgen_last_error.restype = ctypes.c_char_p


def call(name, *args):
    if getattr(library, name)(*args):
        sys.exit(f"{name}: {library.clgen_last_error().decode()}")


images = np.load(options.file + ".npy")
planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
expected = np.load(options.file + ".features.npy")
got = np.zeros_like(expected)
device, features = ctypes.c_void_p(), ctypes.c_void_p()
call("clgen_device_open", ctypes.byref(device), options.device.encode() or None, None)
begin = time.time()
call("clgen_features_open", ctypes.byref(features), device, options.file.encode(), ctypes.c_int64(options.batch))
print(f"opened in {time.time() - begin:.1f} s")
these = Images(planes.ctypes.data, *planes.shape)
for turn in "first", "second":
    begin, busy = time.time(), time.process_time()
    call("clgen_features_run", features, ctypes.byref(these), got.ctypes.data_as(ctypes.c_void_p), None, None, None)
    print(f"{turn} run of {len(images)} images: {time.time() - begin:.2f} s, {time.process_time() - busy:.2f} s of processor")
error = np.abs(got - expected).max() / np.abs(expected).max()
print(f"largest difference / largest feature: {error:.2e} (features up to {np.abs(expected).max():.3g})")
print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
sys.exit(not error < 1e-4)
