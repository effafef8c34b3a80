"""MNIST: the four original files, from a folder of your own or from a download, each verified by its SHA-256.

60,000 training and 10,000 test images of 28 x 28 grey pixels, by Yann LeCun, Corinna Cortes and Christopher
Burges (CC BY-SA 3.0, as Keras states). The sums are those that tensorflow-datasets publishes.
"""

import hashlib
import os
from pathlib import Path

from .files import read_idx

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",  # tensorflow-datasets
    "https://ossci-datasets.s3.amazonaws.com/mnist/",  # torchvision
)
SILENCE = 15  # seconds that a mirror may take to answer
LARGEST = 2**24  # bytes that are taken from a mirror for one file; the largest has 9.9 million
SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def load_mnist():
    """Training and test images: ((images, labels), (images, labels)), images (N, 28, 28) uint8, labels (N,)
    ints.

    If $MINIVAE_DATA is set, the four files are read from its folder `mnist`, and nothing is ever downloaded.
    Otherwise they are read from the user's cache, where they are first downloaded (11 MB) if need be.

    Raises FileNotFoundError if $MINIVAE_DATA/mnist lacks a file, ValueError if a file there has another
    SHA-256, and OSError if the download fails.
    """
    data = os.environ.get("MINIVAE_DATA")
    folder = _own_folder(Path(data).expanduser() / "mnist") if data else _downloaded()
    images, labels = (
        {part: read_idx(folder / f"{part}-{name}-ubyte.gz") for part in ("train", "t10k")}
        for name in ("images-idx3", "labels-idx1")
    )
    return tuple((images[part], labels[part].astype(int)) for part in ("train", "t10k"))


def _own_folder(folder):
    """The folder, once all four files in it are there and right."""
    missing = [name for name in SHA256 if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"$MINIVAE_DATA is set, but its folder {folder} lacks {', '.join(missing)}: put the files there"
            f" (they are at {' and '.join(MIRRORS)}), or unset MINIVAE_DATA to have them downloaded into your"
            " cache"
        )
    for name, expected in SHA256.items():
        found = _sha256(folder / name)
        if found != expected:
            raise ValueError(
                f"{folder / name} is not the original: its SHA-256 is {found}, expected {expected}; "
                f"replace it by the one at {MIRRORS[0]}{name}"
            )
    return folder


def _downloaded():
    """The folder in the user's cache, after whatever is missing or damaged in it has been downloaded."""
    import pooch

    folder, mirrors = Path(pooch.os_cache("minivae")) / "mnist", list(MIRRORS)
    for name, expected in SHA256.items():
        if not (folder / name).is_file() or _sha256(folder / name) != expected:
            _download(name, folder, mirrors)
    return folder


def _download(name, folder, mirrors):
    """One file into the folder, from the first mirror that has it whole.

    pooch writes it beside, verifies, renames. A mirror that can't be reached, or stays silent, goes to the
    end of `mirrors`: the next file asks it last.
    """
    import pooch
    import requests
    from tqdm import tqdm

    class Bar(tqdm):
        def update(self, n=1):
            if self.n > LARGEST:
                raise ValueError(f"it sends more than {LARGEST / 1e6:.0f} MB")
            return super().update(n)

    def fetch(url, file, _):
        # pooch sets the real total
        with Bar(desc=name, total=1, unit="B", unit_scale=True, delay=0.1) as bar:
            pooch.HTTPDownloader(progressbar=bar, timeout=SILENCE)(url, file, None)
        if (found := _sha256(file)) != SHA256[name]:
            raise ValueError(f"its SHA-256 is {found}, expected {SHA256[name]}")

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # the bar says it already
    failures = []
    try:
        for mirror in tuple(mirrors):
            try:
                pooch.retrieve(f"{mirror}{name}", f"sha256:{SHA256[name]}", name, folder, downloader=fetch)
                return
            except requests.RequestException as error:
                status = getattr(error.response, "status_code", None)
                failures.append(f"{mirror} ({f'HTTP status {status}' if status else type(error).__name__})")
                mirrors.append(mirrors.pop(mirrors.index(mirror)))
            except ValueError as error:
                failures.append(f"{mirror} ({error})")
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"can't write {folder / name} ({error.strerror or error}): make room or change "
                    "the permissions, or put MNIST's files elsewhere and set MINIVAE_DATA",
                ) from error
    finally:
        logger.setLevel(level)
    raise ConnectionError(
        f"can't download {name} of MNIST; tried {' and '.join(failures)}. Try again when you are online; or"
        " put the four files into a folder named mnist and set MINIVAE_DATA to the folder that holds it; or"
        " take the built-in `glyphs`, which need no download"
    )


def _sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
