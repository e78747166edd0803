"""The limits the agent acts within: policy, patches, budgets, approvals, audit."""
