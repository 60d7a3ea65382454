"""What every stage shares that learns from rows by gradient descent: configuration, rows in order, trainer, folder."""
