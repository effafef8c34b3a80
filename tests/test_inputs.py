"""What goes in: pixels mean one thing, labels are checked, and whatever is wrong gets one sentence."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minivae.inputs import check_images, check_labels, check_whole, to_floats

FLOATS = [np.float32, np.float64, np.complex128]


# Images -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 12), (5, 3, 4), (5, 3, 4, 1), (1, 12), (0, 12), (0, 3, 4)])
def test_images_of_every_shape_and_dtype_are_taken_without_a_copy(dtype, shape):
    X = np.zeros(shape, dtype)
    X.flags.writeable = False
    checked = check_images(X, 12, unit_pixels=True)
    assert checked.shape == (shape[0], 12) and checked.dtype == dtype
    assert checked.size == 0 or np.shares_memory(checked, X)


def test_lists_and_strided_images_are_taken_too():
    assert check_images([[0.0, 0.5], [1.0, 0.25]], 2, True).tolist() == [[0.0, 0.5], [1.0, 0.25]]
    X = np.arange(24, dtype=np.uint8).reshape(6, 4)
    assert check_images(X[::2, ::-1], 4, True).tolist() == X[::2, ::-1].tolist()


@pytest.mark.parametrize(
    "X, error, sentence",
    [
        (
            np.zeros(12),
            ValueError,
            (
                "X has shape (12,); expected (N, 12) or images (N, height, width) of 12 pixels. For one image"
                " give X[None]."
            ),
        ),
        (
            np.zeros((3, 4)),
            ValueError,
            "X has shape (3, 4); expected (N, 12) or images (N, height, width) of 12 pixels. For one image",
        ),
        (np.zeros((2, 13)), ValueError, "X has shape (2, 13); expected (N, 12)"),
        (np.zeros((2, 4, 4)), ValueError, "X has shape (2, 4, 4); expected (N, 12)"),
        (np.zeros((0, 4, 4)), ValueError, "X has shape (0, 4, 4); expected (N, 12)"),
        (0.5, ValueError, "X has shape (); expected (N, 12)"),
        (
            np.ones((2, 12), np.uint8),
            ValueError,
            "X is uint8 with a maximum of 1, but uint8 pixels mean 0..255: give X.astype(bool)",
        ),
        (
            np.full((2, 12), np.nan),
            ValueError,
            "X holds NaN or infinity; every pixel must be a finite number",
        ),
        (np.full((2, 12), np.inf), ValueError, "X holds NaN or infinity"),
        (
            np.full((2, 12), 1.5),
            ValueError,
            (
                "X has pixels from 1.5 to 1.5; a Bernoulli decoder (and dynamic binarisation) needs them in"
                " [0, 1]"
            ),
        ),
        (np.full((2, 12), -0.1), ValueError, "X has pixels from -0.1 to -0.1;"),
        (
            np.full((2, 12), 255.0),
            ValueError,
            "divide by the largest possible value, or take a Gaussian decoder",
        ),
        (
            np.ones((2, 12), int),
            TypeError,
            "X has dtype int64; expected uint8 (0..255), bool or float pixels: use X.astype(np.uint8)",
        ),
        (np.full((2, 12), "0"), TypeError, "X has dtype <U1; expected uint8"),
        (np.full((2, 12), None), TypeError, "X has dtype object; expected uint8"),
    ],
)
def test_bad_images_get_one_sentence(X, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)) as caught:
        check_images(X, 12, unit_pixels=True)
    assert "\n" not in str(caught.value)


def test_one_bad_pixel_among_many_is_found():
    X = np.full((50, 12), 0.5, np.float32)
    for bad in (np.nan, np.inf, -np.inf, 1.0001, -1e-6):
        Y = X.copy()
        Y[31, 7] = bad
        with pytest.raises(ValueError, match="X"):
            check_images(Y, 12, unit_pixels=True)


def test_a_gaussian_decoder_takes_any_finite_pixel():
    X = np.array([[-3.0, 7.0]])
    assert check_images(X, 2, unit_pixels=False) is X
    with pytest.raises(ValueError, match="NaN or infinity"):
        check_images(X * np.nan, 2, unit_pixels=False)


@pytest.mark.parametrize("y", [np.array([0, 1j]), np.array(["0", "1"]), [None, 1], np.eye(2) + 0j])
def test_labels_that_are_no_real_numbers_are_refused_without_a_warning(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"y has shape .* and dtype .*; expected \(2,\) integer labels"):
            check_labels(y, 2, 2)


def test_one_hot_labels_are_bytes():
    y = check_labels(np.array([2, 0]), 2, 3)
    assert y.dtype == np.uint8 and y.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_black_uint8_images_are_images():
    assert check_images(np.zeros((2, 12), np.uint8), 12, True).max() == 0
    assert check_images(np.full((2, 12), 2, np.uint8), 12, True).max() == 2


# Batches of floats ------------------------------------------------------------------------------------------

BYTES = np.arange(256, dtype=np.uint8)[:, None]


@pytest.mark.parametrize("dtype", FLOATS)
def test_bytes_are_divided_by_255_and_everything_else_is_taken_as_it_is(dtype):
    x = to_floats(BYTES, dtype)
    assert x.dtype == dtype and np.allclose(x[:, 0], np.arange(256) / 255, rtol=1e-7) and x[255, 0] == 1
    assert to_floats(np.array([[True, False]]), dtype).tolist() == [[1, 0]]
    assert to_floats(np.array([[0.25, 0.5]]), dtype).tolist() == [[0.25, 0.5]]


def test_the_threshold_is_one_half_for_bytes_floats_and_bools():
    """A byte is white from 128 on, 128/255 = 0.502; exactly 0.5 is black."""
    assert to_floats(BYTES, np.float32, "threshold")[:, 0].tolist() == [0.0] * 128 + [1.0] * 128
    assert np.array_equal(
        to_floats(BYTES / 255, np.float32, "threshold"), to_floats(BYTES, np.float32, "threshold")
    )
    assert to_floats(np.array([[0.5, 0.50001]]), np.float64, "threshold").tolist() == [[0, 1]]
    assert to_floats(np.array([[True, False]]), np.float32, "threshold").tolist() == [[1, 0]]


@pytest.mark.parametrize("dtype", FLOATS)
def test_dynamic_binarisation_draws_a_one_with_the_pixel_as_its_probability(dtype, rng):
    X = np.broadcast_to(np.array([0, 51, 128, 255], np.uint8), (20_000, 4))
    x = to_floats(X, dtype, "dynamic", rng)
    assert x.dtype == dtype and set(np.unique(x.real)) == {0, 1}
    assert np.allclose(x.mean(axis=0), X[0] / 255, atol=4 * 0.5 / np.sqrt(20_000))
    assert (x[:, 0] == 0).all() and (x[:, 3] == 1).all()  # black and white are certain
    assert not np.array_equal(x, to_floats(X, dtype, "dynamic", rng))  # a fresh draw each time


@given(
    arrays(st.sampled_from([np.uint8, bool, np.float32]), (3, 4), elements=None).map(
        lambda X: X if X.dtype.kind != "f" else np.nan_to_num(abs(X), posinf=1, nan=0) % 1
    ),
    st.sampled_from([None, "threshold", "dynamic"]),
    st.sampled_from(FLOATS),
)
def test_a_batch_is_new_memory_in_0_to_1_and_the_callers_array_stays(X, binarize, dtype):
    before = X.copy()
    X.flags.writeable = False
    x = to_floats(X, dtype, binarize, np.random.default_rng(0))
    assert x.dtype == dtype and x.shape == X.shape and not np.shares_memory(x, X)
    assert (x.real >= 0).all() and (x.real <= 1).all() and np.array_equal(X, before)
    assert binarize is None or set(np.unique(x.real)) <= {0, 1}


# Labels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [[2, 0, 1], np.array([2, 0, 1], np.uint8), np.array([2, 0, 1], np.int64)])
def test_labels_become_one_hot(y):
    assert check_labels(y, 3, 4).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]]


def test_attributes_are_taken_as_they_are():
    y = np.array([[0.5, -1.0], [2.0, 0.0]])
    assert check_labels(y, 2, 2) is y
    assert check_labels(np.empty(0, int), 0, 4).shape == (0, 4)
    assert check_labels(None, 5, 0) is None


@pytest.mark.parametrize(
    "y, n_conditions, sentence",
    [
        ([0, 4, 1], 4, "y holds the label 4; with n_conditions=4 labels are integers in 0..3"),
        ([0, -1, 1], 4, "y holds the label -1; with n_conditions=4"),
        (None, 4, "this model is conditional: give y, 3 labels in 0..3 or an array of shape (3, 4)"),
        (
            [0, 1, 2],
            0,
            "y was given, but this model has n_conditions=0: leave it out, or build VAE(n_conditions=...)",
        ),
        (
            [0, 1],
            4,
            (
                "y has shape (2,) and dtype int64; expected (3,) integer labels in 0..3 or numbers of shape"
                " (3, 4)"
            ),
        ),
        ([0.0, 1.0, 2.0], 4, "y has shape (3,) and dtype float64; expected (3,) integer labels"),
        (np.zeros((3, 5)), 4, "y has shape (3, 5) and dtype float64"),
        (np.zeros((3, 1), int), 4, "y has shape (3, 1) and dtype int64"),
        (["a", "b", "c"], 4, "y has shape (3,) and dtype <U1"),
        (np.full((3, 4), np.nan), 4, "y holds NaN or infinity; every entry must be a finite number"),
    ],
)
def test_bad_labels_get_one_sentence(y, n_conditions, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        check_labels(y, 3, n_conditions)


# Whole numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_python_and_numpy(value):
    assert check_whole("n", value, 3) == 3 and type(check_whole("n", value, 3)) is int


@pytest.mark.parametrize("value", [2, -1, 3.0, "3", None, np.array([3])])
def test_what_is_not_a_whole_number_of_at_least_3(value):
    with pytest.raises(
        ValueError, match=re.escape(f"n is {value!r}; it must be a whole number of at least 3.")
    ):
        check_whole("n", value, 3)
