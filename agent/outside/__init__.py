"""Facts from outside that the protocol names: lists, windows and rotas in files and behind https URLs, read and kept."""
