"""What each key does, a module a screen; `test_every_key` presses them."""
