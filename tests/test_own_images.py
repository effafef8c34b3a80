"""A user's own images: what was read is what was meant, and what was taken and left is told."""

import io

import numpy as np
import pytest
from PIL import Image

from minivae.data import arrays, load_data
from minivae.data.files import read_images
from minivae.ondisk import OnDisk

rng = np.random.default_rng(3)
GREY = rng.integers(0, 256, (20, 5, 4), dtype=np.uint8)
COLOUR = rng.integers(0, 256, (20, 5, 4, 3), dtype=np.uint8)
LABELS = np.arange(20) % 3 + 1


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Arrays by their names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x, y, x_test, y_test",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("trainX", "trainY", "testX", "testY"),
        ("images", "labels", "x_test", "y_test"),
        ("train_data", "train_targets", "test_data", "test_targets"),
    ],
)
def test_the_usual_names_and_the_files_own_test_set(x, y, x_test, y_test):
    np.savez(
        "d.npz", **{y_test: LABELS[:6], x_test: GREY[:6], "weights": np.ones((4, 4)), y: LABELS, x: GREY}
    )
    train, test = load_data("d.npz")
    assert np.array_equal(train.images, GREY) and np.array_equal(train.labels, LABELS)
    assert np.array_equal(test.images, GREY[:6]) and np.array_equal(test.labels, LABELS[:6])
    (note,) = train.notes
    assert note == f"read {x} with {y}; held out {x_test} with {y_test}; left aside weights"


def test_medmnist():
    """Labels in a column of their own, and a validation set that is left aside."""
    sets = {f"{s}_images": GREY[:n] for s, n in (("train", 20), ("val", 3), ("test", 6))}
    labels = {f"{s}_labels": LABELS[:n, None] for s, n in (("train", 20), ("val", 3), ("test", 6))}
    np.savez("pneumoniamnist.npz", **sets, **labels)
    train, test = load_data("pneumoniamnist.npz")
    assert (len(train), len(test)) == (20, 6) and np.array_equal(train.labels, LABELS)
    assert train.notes == (
        "read train_images with train_labels; held out test_images with test_labels; left aside val_images, "
        "val_labels",
    )


def test_without_a_test_set_the_validation_set_is_held_out():
    np.savez("d.npz", x_train=GREY, x_val=GREY[:6])
    train, test = load_data("d.npz")
    assert (len(train), len(test)) == (20, 6) and train.notes == ("read x_train; held out x_val",)


def test_different_prefixes_are_never_paired():
    np.savez("d.npz", X_test=GREY[:6], y_test=LABELS[:6], X_train=GREY[6:12])
    images, labels = read_images("d.npz")
    assert np.array_equal(images, GREY[6:12]) and labels is None
    np.savez(
        "d.npz", X_test=GREY[:6], y_test=LABELS[:6], y_train=LABELS
    )  # the only images are those to test on
    assert np.array_equal(read_images("d.npz")[1], LABELS[:6])


def test_a_second_file_comes_before_the_test_set_inside():
    np.savez("d.npz", x_train=GREY, x_test=GREY[:6])
    np.save("other.npy", GREY[:3])
    train, test = load_data("d.npz", test="other.npy")
    assert (len(train), len(test), test.name) == (
        20,
        3,
        "other",
    ) and "its own test set is left aside" in train.notes[1]


def test_nameless_arrays_are_told():
    np.savez("d.npz", LABELS, GREY)
    train, _ = load_data("d.npz")
    assert train.labels is None and train.notes == ("read arr_1; left aside arr_0",)


# What pixels mean -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, found",
    [((5, 4, 1), (5, 4)), ((1, 5, 4), (5, 4)), ((5, 4, 3), (5, 4, 3)), ((16, 4, 1), (16, 4)), ((20,), (20,))],
)
def test_the_shape_is_that_of_the_array(shape, found):
    np.save("d.npy", rng.integers(0, 256, (20, *shape), dtype=np.uint8))
    assert [data.images.shape[1:] for data in load_data("d.npy")] == [found] * 2


def test_a_shape_may_be_given():
    np.save("d.npy", COLOUR.reshape(20, -1))
    assert np.array_equal(read_images("d.npy", (5, 4, 3))[0], COLOUR)
    for shape, sentence in (
        ((5, 4), "don't fill a shape of 5 x 4, 20"),
        ((5, 4, 2), r"expected \(height, width\)"),
        ((0, 60), "at least 1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            load_data("d.npy", shape=shape)
    with pytest.raises(ValueError, match="glyphs has images of 28 x 28"):
        load_data("glyphs", shape=(28, 28))


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.int32])
def test_whole_numbers_up_to_255_are_bytes(dtype):
    np.savez(
        "d.npz", x_train=GREY.astype(dtype), x_test=GREY[:6] // 255
    )  # a test set that happens to be dark
    train, test = load_data("d.npz")
    assert train.images.dtype == test.images.dtype == np.uint8 and np.array_equal(train.images, GREY)
    assert any(f"{np.dtype(dtype)} from" in note for note in train.notes)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
def test_zeros_and_ones_are_black_and_white(dtype):
    np.save("d.npy", (GREY > 99).astype(dtype))
    images, _ = read_images("d.npy")
    assert images.dtype == bool and np.array_equal(images, GREY > 99)


def test_a_fixed_binarisation_as_bytes_and_as_bits():
    """Larochelle's MNIST: train, valid and test of N x 784 zeros and ones, or of 98 bytes an image."""
    x = {
        "train": rng.random((30, 784)) < 0.2,
        "valid": rng.random((4, 784)) < 0.2,
        "test": rng.random((7, 784)) < 0.2,
    }
    np.savez("bytes.npz", **{name: a.astype(np.uint8) for name, a in x.items()})
    np.savez("bits.npz", **{name: np.packbits(a, axis=1) for name, a in x.items()})
    np.savez("floats.npz", **{name: a.astype(np.float32) for name, a in x.items()})
    for name in ("bytes.npz", "bits.npz", "floats.npz"):
        train, test = load_data(name)
        assert (
            train.images.dtype == bool
            and np.array_equal(train.images, x["train"])
            and np.array_equal(test.images, x["test"])
        )
        assert train.notes[0] == "read train; held out test; left aside valid"
    assert load_data("bits.npz", shape=(7, 14))[0].images.shape == (
        30,
        7,
        14,
    )  # who says so has images of 7 x 14


# What labels mean -------------------------------------------------------------------------------------------


def test_texts_rows_and_attributes_as_labels():
    def labels(y):
        np.savez("d.npz", images=GREY, labels=y)
        return read_images("d.npz")[1]

    assert np.array_equal(
        labels(np.array(["", "cat", "dog", "ant"])[LABELS]), np.array([0, 1, 2, 0])[LABELS]
    )  # in their alphabet
    assert np.array_equal(labels(np.eye(4)[LABELS]), LABELS) and labels(np.eye(4)[LABELS]).dtype == int
    assert np.array_equal(labels(LABELS[:, None]), LABELS)
    attributes = labels(np.stack([LABELS, LABELS / 3], axis=1))
    assert attributes.shape == (20, 2) and attributes.dtype == np.float32
    assert np.array_equal(
        labels(np.array([20240101, -7, 5, 20240101])[LABELS]), np.array([20240101, -7, 5, 20240101])[LABELS]
    )


def test_labels_of_another_kind_in_the_test_set_are_refused():
    np.savez("d.npz", x_train=GREY, y_train=LABELS, x_test=GREY[:3], y_test=np.array(["a", "b", "c"]))
    with pytest.raises(
        ValueError, match=r"d.npz \(x_test\) has labels of another kind than d.npz \(x_train\)"
    ):
        load_data("d.npz")


# Text -------------------------------------------------------------------------------------------------------


def table(values, delimiter=",", titles=None, fmt="%g"):
    file = io.StringIO()
    np.savetxt(file, values, fmt, delimiter, header=titles or "", comments="")
    return file.getvalue() if titles else file.getvalue().removeprefix("\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", " "])
@pytest.mark.parametrize("where", ["first", "last", "none"])
def test_a_table_of_numbers(delimiter, where, here):
    X = GREY.reshape(20, 20)[:, :16]
    columns = {"first": [LABELS, X], "last": [X, LABELS], "none": [X]}[where]
    (here / "d.csv").write_text(table(np.column_stack(columns), delimiter))
    images, labels = read_images("d.csv")
    assert np.array_equal(images, X) and images.dtype == np.uint8
    assert labels is None if where == "none" else np.array_equal(labels, LABELS)


def test_a_table_with_titles(here):
    X = GREY.reshape(20, 20)
    titles = ",".join(["", *(f"p{i}" for i in range(10)), "label", *(f"p{i}" for i in range(10, 20))])
    (here / "d.csv").write_text(
        "\ufeff" + table(np.column_stack([np.arange(20), X[:, :10], LABELS, X[:, 10:]]), titles=titles),
        "utf-8",
    )
    train, test = load_data("d.csv")
    assert (len(train), len(test)) == (18, 2) and train.notes == (
        "CSV, 20 rows of 20 pixels; labels from column 12, label; left aside column 1",
    )
    images, labels = read_images("d.csv")
    assert np.array_equal(images, X) and np.array_equal(labels, LABELS)


def test_a_table_of_floats_and_of_many_rows(here):
    X = rng.random((5000, 3)).astype(np.float32)
    X[2500:] = 0  # whole numbers from here on
    (here / "d.csv").write_text(table(X, fmt="%.9g"))
    images, _ = read_images("d.csv")
    assert images.dtype == np.float32 and np.array_equal(images, X)
    (here / "d.csv").write_text(
        table(np.tile([[0.5, 3, 0.5]], (10, 1)))
    )  # the first and the last are no bytes
    assert read_images("d.csv")[0].tolist() == [[0.5, 3, 0.5]] * 10


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("label,a,b\n1,2,3\n1,2,x\n", r"d.csv \(CSV\), line 3: 'x', which is no number"),
        ("1,2,3\n\n4,5\n", r"d.csv \(CSV\), line 3: 2 cells instead of 3"),
        ("1,2,3\n4,,6\n", r"line 2: '', which is no number"),
        ("label,a\n" + "1,2\n" * 4999 + "1;2\n", "line 5001: 1 cells instead of 2"),
        ("label,a\n", "holds no row of numbers"),
        ("\n\n1,2\n", "begins with an empty line"),
        ("1," * 2**22, r"line 1: it is longer than 4,194,304 characters"),
        ("1,2\n" + "1" * 2**23, r"line 2: it is longer than 4,194,304 characters"),
        ("label\n1\n2\n", "holds no column of pixels"),
        ("label,pixel0\n5,0\n", r"d.csv \(CSV\) holds a single image"),
        ("1,nan\n2,3\n", "holds NaN or infinity"),
    ],
)
def test_a_table_that_is_none_is_told_with_its_line(text, sentence, here):
    (here / "d.csv").write_text(text)
    with pytest.raises(ValueError, match=sentence) as caught:
        load_data("d.csv")
    assert "\n" not in str(caught.value) and "d.csv" in str(caught.value)


# Folders of pictures ----------------------------------------------------------------------------------------


def pictures(folder, images, ending="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:03}.{ending}")


def test_a_folder_of_grey_and_of_colour_pictures(here):
    pictures(here / "grey", GREY)
    pictures(here / "colour", COLOUR)
    pictures(here / "stored_in_colour", np.repeat(GREY[..., None], 3, axis=3))
    (here / "grey" / "Thumbs.db").touch()
    (here / "grey" / ".DS_Store").touch()
    for name, images in (("grey", GREY), ("colour", COLOUR), ("stored_in_colour", GREY)):
        found, labels = read_images(name)
        assert np.array_equal(found, images) and found.dtype == np.uint8 and labels is None
    assert load_data("grey")[0].notes == ("20 pictures; left aside 1 other file",)


def test_subfolders_are_classes_and_may_hold_a_test_set(here):
    for name, part in (("train", slice(0, 12)), ("test", slice(12, 20))):
        for label in (1, 2, 3):
            pictures(here / "d" / name / f"{label}", GREY[part][LABELS[part] == label])
    train, test = load_data("d")
    assert (
        (len(train), len(test)) == (12, 8)
        and sorted(train.labels) == sorted(LABELS[:12])
        and sorted(test.labels) == sorted(LABELS[12:])
    )
    for data, images, labels in ((train, GREY[:12], LABELS[:12]), (test, GREY[12:], LABELS[12:])):
        for label in (1, 2, 3):
            assert np.array_equal(data.images[data.labels == label], images[labels == label])
    train, test = load_data("d/train", test="d/test")
    assert (len(train), len(test)) == (12, 8)
    pictures(here / "e" / "dog", GREY[:4])
    pictures(here / "e" / "cat", GREY[4:], "jpg")
    train, test = load_data("e")
    assert train.notes == ("20 pictures with their folders as labels", "labels: 0 cat, 1 dog")
    assert sorted([*train.labels, *test.labels]) == [0] * 16 + [1] * 4
    pictures(here / "one" / "images", GREY)
    assert read_images("one")[1] is None  # a folder in a folder is no class


def test_transparent_pixels_are_laid_on_white(here):
    image = np.concatenate([COLOUR, np.zeros((20, 5, 4, 1), np.uint8)], axis=3)
    image[:, 0, :, 3] = 255
    pictures(here / "d", image)
    found, _ = read_images("d")
    assert np.array_equal(found[:, 0], COLOUR[:, 0]) and (found[:, 1:] == 255).all()
    assert "laid on white" in load_data("d")[0].notes[1]


def test_pictures_that_cannot_be_taken_are_named(here):
    def refused(sentence):
        with pytest.raises(ValueError, match=sentence) as caught:
            load_data("d")
        assert "\n" not in str(caught.value)

    (here / "d").mkdir()
    refused("d holds no pictures: expected PNG or JPEG files")
    pictures(here / "d", GREY)
    Image.fromarray(GREY[0, :4]).save(here / "d" / "odd.png")
    refused("odd.png is 4 x 4 pixels, most are 4 x 5")
    whole = (here / "d" / "000.png").read_bytes()
    for content in (whole[:-30], whole[:20], b"", b"GIF89a"):
        (here / "d" / "odd.png").write_bytes(content)
        refused("odd.png is no picture that can be read")
    Image.fromarray(GREY[0].astype(np.uint16) * 255).save(here / "d" / "odd.png")
    refused(r"odd.png has more than 8 bits a pixel")


# Very many images -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, bool, ">f4", np.float64])
def test_a_large_npy_stays_in_its_file(dtype, monkeypatch):
    X = (
        (GREY > 99).astype(dtype)
        if dtype is bool
        else GREY
        if dtype is np.uint8
        else (GREY / 255).astype(dtype)
    )
    np.save("d.npy", X)
    expected = load_data("d.npy")
    monkeypatch.setattr(arrays, "ON_DISK", 1)
    for data, in_memory in zip(load_data("d.npy"), expected):
        images, X = data.images, in_memory.images
        assert (
            isinstance(images, OnDisk)
            and images.shape == X.shape
            and images.dtype == X.dtype
            and len(images) == len(X)
        )
        for rows in (
            slice(None),
            slice(0, 1),
            slice(None, None, -1),
            slice(0, 0),
            [1, 0],
            np.array([0, 0]),
            np.arange(len(X)) == 1,
            0,
            -1,
        ):
            assert (
                np.array_equal(images[rows], X[rows])
                and images[rows].dtype == X.dtype
                and images[rows].shape == X[rows].shape
            )
        assert np.array_equal(images.reshape(len(X), 20)[1:2], X.reshape(len(X), 20)[1:2]) and np.array_equal(
            np.asarray(images), X
        )
    assert images.min() == min(data.images.min() for data in expected) and images.max() == max(
        data.images.max() for data in expected
    )


def test_a_file_that_shrinks_is_told(monkeypatch):
    np.save("d.npy", GREY)
    monkeypatch.setattr(arrays, "ON_DISK", 1)
    train, _ = load_data("d.npy")
    with open("d.npy", "r+b") as file:
        file.truncate(200)
    with pytest.raises(OSError, match="d.npy has become shorter"):
        train.images[:]
