"""The few live pieces of the screen: one line-API canvas, and the text editor of its input lines."""
