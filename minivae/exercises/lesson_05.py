"""The exercises of lesson 05: dense layers by hand.

    dense_forward(x, W, b)                               (5.3)    -> a
    dense_backward(x, W, da)                             (5.5, 5.6) -> dx, dW, db
    relu_backward(dh, a)                                 (5.8)    -> da
    softplus_backward(dh, a)                             (5.10)   -> da
    two_layer_backward(x, W1, b1, W2, b2, dout)          (5.13)   -> dx, dW1, db1, dW2, db2; ReLU between the layers

x is (B, n_in), W (n_in, n_out), b (n_out,), a (B, n_out).
"""

EXERCISES = ()
