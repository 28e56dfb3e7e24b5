"""The rows of the config's `models`: fitted on training cases, frozen as JSON, used to predict."""
