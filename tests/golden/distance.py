"""Golden distances: scipy.ndimage.distance_transform_edt of a few anisotropic blobs, in f64.

    python distance.py > distance.json

A distance is negative inside of the mask and positive outside. Masks are strings of 0 and 1, in C order.
"""

import json
import sys

import numpy as np
import scipy
from scipy.ndimage import distance_transform_edt, gaussian_filter

# Extents that divide nothing, spacings of a CT with thick slices, of an odd microscope, and the unit.
CASES = [((5, 7, 9), (3.0, 0.7, 0.7)), ((4, 6, 11), (1.0, 1.25, 0.8)), ((6, 5, 8), (1.0, 1.0, 1.0))]


def blobs(shape, seed):
    noise = np.random.default_rng(seed).standard_normal(shape)
    smooth = gaussian_filter(noise, 1.0)
    return smooth > np.median(smooth)


def entry(shape, spacing, seed):
    mask = blobs(shape, seed)
    outside = distance_transform_edt(~mask, sampling=spacing)
    inside = distance_transform_edt(mask, sampling=spacing)
    return {
        "shape": shape,
        "spacing": spacing,
        "mask": "".join(str(int(bit)) for bit in mask.ravel()),
        "signed": (outside - inside).ravel().tolist(),
    }


golden = {
    "made_by": f"scipy {scipy.__version__}, numpy {np.__version__}",
    "entries": [entry(shape, spacing, seed) for seed, (shape, spacing) in enumerate(CASES)],
}
json.dump(golden, sys.stdout, separators=(",", ":"))
print()
