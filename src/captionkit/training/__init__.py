"""Making models: features once, then gradient descent with teacher forcing, then beyond it."""
