"""Everything between a data set and a trained model. Imports TensorFlow."""
