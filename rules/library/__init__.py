"""Ready protocols, one YAML file each; `rules.rulebook.load` is given their texts."""
