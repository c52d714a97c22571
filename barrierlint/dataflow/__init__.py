"""The ordering analysis: values, states, interprocedural tabulation, witnesses, root causes."""
