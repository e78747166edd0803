"""Budgets, measured: ratios beside a peer or a physical floor in the same run."""
