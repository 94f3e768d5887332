"""The function for JAX: against the function for NumPy, under JAX's transforms."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

import segloss_rs as sl  # noqa: E402
import segloss_rs.jax as sj  # noqa: E402

TERMS = [sl.dice(), sl.cross_entropy()]


def batch():
    generator = np.random.default_rng(0)
    z = generator.normal(size=(2, 3, 6, 7)).astype(np.float32)
    return z, generator.integers(0, 3, (2, 6, 7)).astype(np.uint8)


def test_value_and_gradient_are_those_of_numpy():
    z, y = batch()
    value, gradient = sl.value_and_grad(TERMS, z, y, activation="softmax")
    loss = sj.loss(TERMS, activation="softmax")
    for function in (jax.value_and_grad(loss), jax.jit(jax.value_and_grad(loss))):
        ours, grad = function(z, y)
        assert float(ours) == np.float32(value) and np.array_equal(grad, gradient)
    _, twice = jax.value_and_grad(lambda z: 2 * loss(z, y))(jnp.asarray(z))
    assert np.allclose(twice, 2 * gradient, rtol=1e-6)


def test_weights_and_maps_have_no_gradient():
    z, y = batch()
    maps = np.moveaxis(np.eye(3, dtype=np.float32)[y], -1, 1)
    weight = np.linspace(0, 1, y.size, dtype=np.float32).reshape(y.shape)
    expected = sl.value_and_grad(TERMS, z, maps, activation="softmax", voxel_weight=weight)
    loss = sj.loss(TERMS, activation="softmax")
    value, gradients = jax.value_and_grad(loss, argnums=(0, 1, 2))(z, maps, weight)
    assert float(value) == np.float32(expected[0]) and np.array_equal(gradients[0], expected[1])
    assert not np.any(gradients[1]) and not np.any(gradients[2])


def test_half_precision_and_vmap():
    z, y = batch()
    loss = sj.loss(TERMS, activation="softmax")
    exact = jax.grad(loss)(z, y)
    for dtype, precision in ((jnp.bfloat16, 8e-3), (jnp.float16, 1e-3)):
        gradient = jax.grad(loss)(jnp.asarray(z, dtype), y)
        assert gradient.dtype == dtype
        assert np.abs(np.asarray(gradient, np.float32) - exact).max() <= precision * np.abs(exact).max()
    values = jax.vmap(loss)(z[:, None], y[:, None])
    assert np.allclose(values, [float(loss(z[i : i + 1], y[i : i + 1])) for i in range(2)], rtol=1e-6)


def test_arrays_of_jax_are_read_by_the_other_functions():
    z, y = batch()
    assert sl.value(TERMS, jnp.asarray(z), jnp.asarray(y), activation="softmax") == sl.value(
        TERMS, z, y, activation="softmax"
    )
    assert np.array_equal(sl.edt(jnp.asarray(y)), sl.edt(y))
