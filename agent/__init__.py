"""The running thing: configuration, store, pipeline, command line."""
