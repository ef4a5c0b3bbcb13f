#!/usr/bin/env python3
"""Makes ../data/numpy/, files as NumPy writes them, which test_npy.c reads. /usr/bin/python3 make_numpy.py

Element i (in C order) of pictures(n, h, w, ...) is i * 7 % 251; label i is i % 3.
"""
import os, zipfile
import numpy as np

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "numpy"))


def pictures(*shape):
    return (np.arange(np.prod(shape)) * 7 % 251).astype(np.uint8).reshape(shape)


def versioned(path, a, version):
    with open(path, "wb") as f:
        np.lib.format.write_array(f, a, version=version)


a, labels = pictures(6, 5, 4), np.arange(6) % 3
np.save("plain.npy", a)
np.save("fortran.npy", np.asfortranarray(a))
versioned("format2.npy", a, (2, 0))
versioned("format3.npy", a, (3, 0))
for name in "bool", "<i2", ">i4", "<u8", ">u2", ">f4", "<f8", ">f8":
    np.save("type_%s.npy" % name.replace("<", "little_").replace(">", "big_"), (a % 2 if name == "bool" else a).astype(name))
np.save("scalar.npy", np.float32(2.5))
np.save("empty.npy", np.zeros((0, 3), np.float32))
np.save("complex.npy", np.zeros(2, np.complex64))
np.save("text.npy", np.array(["a"]))
np.save("records.npy", np.zeros(2, [("x", "f4")]))
np.savez("stored.npz", x=a, y=labels)
np.savez_compressed("deflated.npz", images=a, labels=labels.reshape(6, 1).astype(np.uint8))
np.savez("positional.npz", a, labels.astype(np.float32))
np.savez("keras.npz", x_train=a, y_train=labels, x_test=pictures(2, 5, 4), y_test=np.array([2, 0]))
zipfile.ZIP64_LIMIT = 10  # every size and offset goes into a ZIP64 field
zipfile.ZIP_FILECOUNT_LIMIT = 1
np.savez("zip64.npz", x=a, y=labels)
