"""What runs inside training."""
