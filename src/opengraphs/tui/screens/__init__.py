"""The screens. Each is two modules: what it knows and does (`*_state`, pure), and how it is drawn."""
