"""What a daemon would answer, from plain Python values, a module for each kind of question."""
