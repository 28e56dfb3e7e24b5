"""The clinical, deep and combined models: fitted on training cases, frozen as JSON."""
