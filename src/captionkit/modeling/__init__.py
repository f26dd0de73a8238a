"""Networks: picture encoders, word decoders, and the two put together. Imports TensorFlow."""
